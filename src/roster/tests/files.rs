//! Files as the known sources write them, and files that are refused.

use std::collections::BTreeMap;

use super::super::dates::DateFormat;
use super::super::*;

const GOOGLE: &str = "\u{feff}First Name [Required],Last Name [Required],\
Email Address [Required],Org Unit Path [Required],Status [READ ONLY],Last Sign In [READ ONLY],\
Home Secondary Email,Work Secondary Email,Employee ID,Employee Type,Manager Email,Department\r\n\
Ida,Berg,Ida.Berg@ACME.example,/,Active,2026/04/10 04:05:20,ida@home.example,\
ida@acme.example,=\"00017\",Full-Time,bo@acme.example,\"Support, EMEA\"\r\n\
Bo,Dahl,bo@acme.example,/,Suspended,Never logged in,,,00018,vendor,,Support\r\n";

const ENTRA: &str = "version:v1.0\nuserPrincipalName,displayName,surname,mail,givenName,objectId,\
userType,jobTitle,department,accountEnabled,usageLocation\n\
ida@acme.onmicrosoft.com,Ida Berg,Berg,ida@acme.example,Ida,0a-1,Member,Lead,Support,True,SE\n\
cy_partner.example#EXT#@acme.onmicrosoft.com,Cy Ek,Ek,cy@partner.example,Cy,0a-2,Guest,,,True,\n\
di_partner.example#EXT#@acme.onmicrosoft.com,Di Falk,Falk,,Di,0a-3,Guest,,,False,\n";

const OKTA: &str = "login,firstName,lastName,email,secondEmail,userType,employeeNumber,\
department,managerId,manager,status\n\
ida@acme.example,Ida,Berg,ida.berg@acme.example,ida@home.example,Employee,17,Support,18,Bo,ACTIVE\n\
bo@acme.example,Bo,Dahl,bo@acme.example,,Contractor,18,Support,,,DEPROVISIONED\n\
al@acme.example,Al,Ek,al@acme.example,,,19,Support,18,Bo,STAGED\n\
jo@acme.example,Jo,Falk,jo@acme.example,,,20,Support,18,Bo,LOCKED_OUT\n\
ed@acme.example,Ed,Gran,ed@acme.example,,,21,Support,18,Bo,SUSPENDED\n";

const BAMBOO: &str = "sep=;\r\n\"Employee #\";\"Name\";\"Work Email\";\"Home Email\";\
\"Status\";\"Employment Status\";\"Hire Date\";\"Termination Date\";\"supervisorEId\"\r\n\
\"017\";\"Berg, Ida\";\"ida@acme.example\";\"\";\"Active\";\"Full-Time\";\"2024-02-01\";\
\"0000-00-00\";\"018\"\r\n\
\"018\";\"Dahl, \"\"Bo\"\"\";\"bo@acme.example\";\"\";\"Inactive\";\"Terminated\";\
\"2020-02-01\";\"2026-02-28\";\"\"\r\n";

const WORKDAY: &str = "Employee_ID\tFull_Name\tEmail\tStart_Date\tTermination_Date\t\
Employee_Type\tManager_ID\tManager_Name\r\n\
00017\tZo\u{eb} Berg\tzoe@acme.example\t03/04/2024\t\tRegular\t00018\tBo Dahl\r\n\
00018\tBo Dahl\tbo@acme.example\t03/04/2020\t28/02/2026\tContingent Worker\t\t\r\n";

const RIPPLING: &str = "employee_number|work_email|personal_email|status|employment_type|\
start_date|end_date|manager_id\n\
17|ida@acme.example|ida@home.example|Active|SALARIED_FT|2024-02-01||18\n\
18|bo@acme.example||Leave|Contractor|2024-02-01||\n";

fn settings() -> ReadSettings {
    ReadSettings { source: "hr".into(), ..ReadSettings::default() }
}

fn people(bytes: &[u8], settings: &ReadSettings) -> Vec<Person> {
    let reading = read(bytes, settings, ReadBounds::default());
    assert_eq!(reading.report.errors, []);
    reading.people
}

/// One line per person: key, name, class, status, first and last day, manager, addresses.
fn lines(people: &[Person]) -> Vec<String> {
    let line = |person: &Person| {
        let emails: Vec<String> = person
            .emails
            .iter()
            .map(|email| match email.kind {
                EmailKind::Primary => email.address.to_string(),
                kind => format!("{kind:?}:{}", email.address).to_lowercase(),
            })
            .collect();
        let day = |day: Option<time::Date>| day.map(dates::written).unwrap_or_default();
        [
            person.key.to_string(),
            person.name.clone().unwrap_or_default(),
            person.class.as_str().to_owned(),
            person.stated.as_str().to_owned(),
            day(person.started),
            day(person.ended),
            person.manager.as_deref().unwrap_or_default().to_owned(),
            emails.join(" "),
        ]
        .join(",")
    };
    people.iter().map(line).collect()
}

fn problems(text: &str) -> Vec<String> {
    let reading = read(text.as_bytes(), &settings(), ReadBounds::default());
    let report = reading.report;
    report.errors.iter().chain(&report.warnings).map(ToString::to_string).collect()
}

#[test]
fn an_export_of_google_workspace_is_read() {
    let people = people(GOOGLE.as_bytes(), &settings());
    assert_eq!(
        lines(&people),
        [
            "00017,Ida Berg,employee,active,,,00018,ida.berg@acme.example alias:ida@acme.example",
            "00018,Bo Dahl,contractor,ended,,,,bo@acme.example",
        ]
    );
    assert_eq!(people[0].department.as_deref(), Some("Support, EMEA"));
    let private = ReadSettings { match_personal: true, ..settings() };
    let emails = &super::files::people(GOOGLE.as_bytes(), &private)[0].emails;
    assert!(emails.iter().any(|email| email.kind == EmailKind::Personal));
}

#[test]
fn an_export_of_entra_is_read_and_guests_are_known_by_their_mail() {
    assert_eq!(
        lines(&people(ENTRA.as_bytes(), &settings())),
        [
            "0a-1,Ida Berg,unknown,active,,,,ida@acme.example alias:ida@acme.onmicrosoft.com",
            "0a-2,Cy Ek,contractor,active,,,,cy@partner.example",
            "0a-3,Di Falk,contractor,ended,,,,",
        ]
    );
}

#[test]
fn an_export_of_okta_is_read() {
    assert_eq!(
        lines(&people(OKTA.as_bytes(), &settings())),
        [
            "17,Ida Berg,employee,active,,,18,ida.berg@acme.example alias:ida@acme.example",
            "18,Bo Dahl,contractor,ended,,,,bo@acme.example",
            "19,Al Ek,unknown,future,,,18,al@acme.example",
            "20,Jo Falk,unknown,active,,,18,jo@acme.example",
            "21,Ed Gran,unknown,ended,,,18,ed@acme.example",
        ]
    );
}

#[test]
fn an_export_of_bamboohr_is_read() {
    assert_eq!(
        lines(&people(BAMBOO.as_bytes(), &settings())),
        [
            "017,Berg, Ida,employee,active,2024-02-01,,018,ida@acme.example",
            "018,Dahl, \"Bo\",employee,ended,2020-02-01,2026-02-28,,bo@acme.example",
        ]
    );
}

#[test]
fn a_report_of_workday_is_read_in_utf_16_and_with_its_own_dates() {
    let format = DateFormat::read("DD/MM/YYYY").unwrap();
    let settings = ReadSettings { date_format: Some(format), ..settings() };
    let expected = [
        "00017,Zo\u{eb} Berg,employee,active,2024-04-03,,00018,zoe@acme.example",
        "00018,Bo Dahl,contractor,active,2020-04-03,2026-02-28,,bo@acme.example",
    ];
    let mut wide = vec![0xff, 0xfe];
    wide.extend(WORKDAY.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(lines(&people(&wide, &settings)), expected);
    let narrow: Vec<u8> = WORKDAY.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
    let reading = read(&narrow, &settings, ReadBounds::default());
    assert_eq!(lines(&reading.people), expected);
    let warning = reading.report.warnings[0].to_string();
    assert!(
        warning.starts_with("the file is not valid UTF-8 from line 2, character "),
        "{warning}"
    );
}

#[test]
fn an_end_date_that_could_mean_two_days_is_never_guessed() {
    assert_eq!(
        problems(WORKDAY),
        [
            "line 3, Termination_Date: the date cannot be read. Write 2026-04-10, or set \
             `roster.date_format` to the form of the file",
            "line 2, Start_Date: the date cannot be read and is left out. Write 2026-04-10, or \
             set `roster.date_format` to the form of the file",
            "line 3, Start_Date: the date cannot be read and is left out. Write 2026-04-10, or \
             set `roster.date_format` to the form of the file",
        ]
    );
}

#[test]
fn an_export_of_rippling_is_read_and_its_own_words_are_named() {
    let reading = read(RIPPLING.as_bytes(), &settings(), ReadBounds::default());
    assert_eq!(
        lines(&reading.people),
        [
            "17,,employee,active,2024-02-01,,18,ida@acme.example",
            "18,,contractor,leave,2024-02-01,,,bo@acme.example",
        ]
    );
    assert_eq!(
        reading.report.warnings[0].to_string(),
        "class words that are not known; name their class in `roster.classes`: \"salaried ft\" \
         (1 rows)"
    );
    let classes = BTreeMap::from([("SALARIED_FT".to_owned(), Class::Employee)]);
    let reading =
        read(RIPPLING.as_bytes(), &ReadSettings { classes, ..settings() }, ReadBounds::default());
    assert_eq!(reading.report.warning_count, 0);
}

#[test]
fn json_and_scim_give_the_same_people_as_csv() {
    let csv = "key,email,aliases,name,class,status,ended,manager,owner\n\
               1,ida@acme.example,i@acme.example; b@acme.example,Ida Berg,employee,active,,2,\n\
               2,bot@acme.example,,Bot,service,,2026-03-01,,1\n";
    let json = r#"[{"key":1,"emails":["ida@acme.example","i@acme.example","b@acme.example"],
        "name":"Ida Berg","class":"employee","status":"active","manager":"bot@acme.example"},
        {"key":"2","emails":[{"kind":"primary","address":"BOT@acme.example"}],"name":"Bot",
        "class":"service","ended":"2026-03-01","owner":"1"}]"#;
    let csv = people(csv.as_bytes(), &settings());
    assert_eq!(csv, people(json.as_bytes(), &settings()));
    assert_eq!((csv[0].manager.as_deref(), csv[1].owner.as_deref()), (Some("2"), Some("1")));
    let scim = r#"{"totalResults":1,"Resources":[{"id":"9","userName":"ida","active":false,
        "name":{"givenName":"Ida","familyName":"Berg"},"emails":[{"value":"ida@acme.example",
        "primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
        {"employeeNumber":"017","manager":{"value":"9"}}}]}"#;
    let scim = people(scim.as_bytes(), &settings());
    assert_eq!(lines(&scim), ["017,Ida Berg,unknown,ended,,,017,ida@acme.example"]);
    assert_eq!(scim[0].source_id.as_deref(), Some("9"));
}

#[test]
fn one_bad_row_does_not_hide_the_others_and_no_value_is_quoted() {
    let text = "email,name,employee number,status,end date\n\
                ida@acme.example,Ida,1,Active,\n\
                bo@acme.example,Bo,1,Active,\n\
                not an address,Cy,3,Active,\n\
                ,Di,,Active,\n\
                ed@acme.example,Ed,5,Active,,surplus\n\
                fay@acme.example,Fay,6,Gone fishing,soon\n";
    let reading = read(text.as_bytes(), &settings(), ReadBounds::default());
    assert_eq!(reading.report.rows, 6);
    assert_eq!((reading.people.len(), reading.report.error_count), (3, 4));
    assert!(!reading.report.is_acceptable());
    let problems = problems(text);
    assert_eq!(
        problems.iter().map(|text| text.split(&['.', ';'][..]).next().unwrap()).collect::<Vec<_>>(),
        [
            "line 3: the row has the same key as line 2",
            "line 5: the row has no employee number, no id and no readable address, so the person \
             cannot be distinguished from others",
            "line 6: the row has 6 cells, and the header has 5",
            "line 7, end date: the date cannot be read",
            "line 4, email: the address cannot be read and is left out",
            "status words that are not known",
        ]
    );
    for value in ["acme", "Ida", "surplus", "soon", "not an"] {
        assert!(!problems.concat().contains(value), "{value}");
    }
}

#[test]
fn a_file_that_is_no_roster_is_refused_with_one_clear_sentence() {
    for (text, expected) in [
        ("", "the file is empty"),
        ("PK\u{3}\u{4}x", "the file is an Excel workbook or another ZIP archive"),
        ("hello", "no header was found"),
        ("name,phone\nIda,1\n", "no column with the email addresses was recognised"),
        ("email,work email\na@b.example,\n", "columns 1, 2 can all be `email`"),
        ("email,name\n", "the file has no people"),
        ("email,name\n\"ida@acme.example,Ida\n", "line 2: a quote is opened and never closed"),
        ("[{\"email\":\"ida@acme.example\"},\n{]", "line 2: not valid JSON from column 2"),
        ("{\"email\":\"ida@acme.example\"}\n[]", "line 2: the record is not a JSON object"),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
    }
}

#[test]
fn bounds_hold_for_size_rows_columns_cells_and_the_report() {
    let bounds = ReadBounds { bytes: 200, rows: 2, columns: 3, cell_bytes: 30, problems: 1 };
    let read = |text: &str| {
        let reading = read(text.as_bytes(), &settings(), bounds);
        (reading.report.errors.iter().map(|bad| bad.kind.clone()).collect::<Vec<_>>(), reading)
    };
    assert_eq!(read(&"x".repeat(201)).0, [ProblemKind::TooLarge { max: 200 }]);
    assert_eq!(read("email,a,b,c\n").0, [ProblemKind::TooManyColumns { max: 3 }]);
    let (errors, reading) = read("email\na@x.example\nb@x.example\nc@x.example\nd@x.example\n");
    assert_eq!(errors, [ProblemKind::TooManyRows { max: 2 }]);
    assert_eq!(reading.people.len(), 2);
    let long = format!("email,name\na@x.example,{}\n", "x".repeat(31));
    assert_eq!(read(&long).0, [ProblemKind::LongCell { max: 30 }]);
    let (errors, reading) = read("email,name\n,a\n,b\n");
    assert_eq!((errors.len(), reading.report.error_count), (1, 2));
}
