//! Which columns of a file have which meaning.
//!
//! Headers are compared without regard to case, blanks, `_`, `-` and text in `[]`. The settings
//! have the last word (`roster.columns`), because titles change and customers name their own
//! reports. What the settings leave open is recognised by the titles of the known sources.

use std::collections::BTreeMap;

use serde::Serialize;

use super::id::is_invisible;
use crate::words::words;

words! {
    /// What a column of a roster means.
    pub enum Field {
        /// The key of the person.
        Key = "key",
        /// The primary address.
        Email = "email",
        /// The login name. If it is an address, it is an alias, or the primary address if there is
        /// no other.
        Login = "login",
        /// Further addresses at the company.
        Aliases = "aliases",
        /// Private addresses.
        PersonalEmails = "personal_emails",
        /// The full name.
        Name = "name",
        /// The given name.
        GivenName = "given_name",
        /// The family name.
        FamilyName = "family_name",
        /// Words for [`super::Class`].
        Class = "class",
        /// Words for [`super::Status`].
        Status = "status",
        /// The first day.
        Started = "started",
        /// The last day.
        Ended = "ended",
        /// The manager's key, id or address.
        Manager = "manager",
        /// The department.
        Department = "department",
        /// The employee number.
        EmployeeNumber = "employee_number",
        /// The id that the source gave the person.
        SourceId = "source_id",
        /// Of service accounts: the key or address of the responsible person.
        Owner = "owner",
    }
}

/// All fields with the titles that are recognised for each, the most specific first, in the form
/// of [`comparable_title`].
const TITLES: [(Field, &[&str]); 17] = [
    (Field::Key, &["key", "personkey"]),
    (
        Field::Email,
        &[
            "email",
            "emailaddress",
            "mail",
            "workemail",
            "workemailaddress",
            "primaryemail",
            "emails.primary",
        ],
    ),
    (Field::Login, &["userprincipalname", "login", "username"]),
    (
        Field::Aliases,
        &["aliases", "emailaliases", "worksecondaryemail", "proxyaddresses", "emails.alias"],
    ),
    (
        Field::PersonalEmails,
        &[
            "personalemail",
            "personalemails",
            "homeemail",
            "homesecondaryemail",
            "recoveryemail",
            "secondemail",
            "alternateemailaddress",
            "emails.personal",
        ],
    ),
    (Field::Name, &["displayname", "fullname", "name", "employeename", "name.formatted"]),
    (Field::GivenName, &["givenname", "firstname", "name.givenname"]),
    (Field::FamilyName, &["familyname", "lastname", "surname", "name.familyname"]),
    (
        Field::Class,
        &[
            "class",
            "employeetype",
            "employmenttype",
            "employmenthistorystatus",
            "workertype",
            "usertype",
        ],
    ),
    (
        Field::Status,
        &[
            "status",
            "accountenabled",
            "employmentstatus",
            "employeestatus",
            "workerstatus",
            "active",
        ],
    ),
    (Field::Started, &["started", "startdate", "hiredate", "dateofhire", "employmentstartdate"]),
    (Field::Ended, &["ended", "enddate", "terminationdate", "employmentenddate", "lastdayofwork"]),
    (
        Field::Manager,
        &[
            "managerid",
            "manageremail",
            "supervisoreid",
            "supervisorid",
            "supervisoremail",
            "manager.value",
            "manager",
        ],
    ),
    (Field::Department, &["department", "departmentname"]),
    (
        Field::EmployeeNumber,
        &["employeenumber", "employee#", "employeeid", "employeeno", "personnelnumber", "workerid"],
    ),
    (Field::SourceId, &["objectid", "id", "userid"]),
    (Field::Owner, &["owner", "serviceowner"]),
];

/// Fields of which two candidates stop an import: they decide who a person is, and whether the
/// person is still there.
const NEEDED: [Field; 6] =
    [Field::Key, Field::Email, Field::Status, Field::Started, Field::Ended, Field::EmployeeNumber];

/// Fields that take the values of all their columns.
const MANY: [Field; 3] = [Field::Aliases, Field::PersonalEmails, Field::Class];

words! {
    /// A system whose exports are recognised.
    pub enum SourceSystem {
        /// Google Workspace, "Download users".
        GoogleWorkspace = "google_workspace",
        /// Microsoft Entra ID, "Download users".
        Entra = "entra",
        /// Okta.
        Okta = "okta",
        /// BambooHR.
        BambooHr = "bamboo_hr",
        /// Workday.
        Workday = "workday",
        /// Rippling.
        Rippling = "rippling",
    }
}

impl SourceSystem {
    /// Recognises a source by titles that only it has together.
    fn recognise(titles: &[String]) -> Option<Self> {
        let has = |title: &str| titles.iter().any(|own| own == title);
        if has("emailaddress") && has("orgunitpath") {
            Some(Self::GoogleWorkspace)
        } else if has("userprincipalname") {
            Some(Self::Entra)
        } else if has("login") && has("email") {
            Some(Self::Okta)
        } else if has("workemail")
            && (has("employmenttype") || has("personalemail"))
            && !has("employmenthistorystatus")
        {
            Some(Self::Rippling)
        } else if has("workemail") && (has("employee#") || has("employeenumber") || has("id")) {
            Some(Self::BambooHr)
        } else if has("employeeid") && (has("managerid") || has("managername") || has("fullname")) {
            Some(Self::Workday)
        } else {
            None
        }
    }

    /// Whether the source is a personnel system. People of one are employees unless it says
    /// otherwise; a directory also has accounts of others.
    #[must_use]
    pub fn is_personnel_system(self) -> bool {
        matches!(self, Self::BambooHr | Self::Workday | Self::Rippling)
    }

    /// Returns the field of a title that has another meaning in this source than elsewhere.
    fn own_field(self, title: &str) -> Option<Field> {
        // BambooHR's "Employment Status" is "Full-Time", "Contractor", "Terminated" …
        (self == Self::BambooHr && title == "employmentstatus").then_some(Field::Class)
    }
}

/// The columns that the settings name: field → header. An empty header means that the source has
/// no such column, whatever its titles look like.
pub type ColumnMapping = BTreeMap<Field, String>;

/// How a column got its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnUse {
    /// By the settings.
    Mapped(Field),
    /// By its title.
    Recognised(Field),
    /// Its title is known, but another column was chosen for the field.
    NotChosen(Field),
    /// It is dropped.
    Dropped,
}

/// Columns that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadColumns {
    /// No address.
    #[error(
        "no column with the email addresses was recognised. Name it in the settings: \
         `[roster.columns]`, `email = \"<title>\"`"
    )]
    NoEmail,
    /// Several columns for one needed field.
    #[error(
        "columns {} can all be `{}`. Name the right one in the settings: `[roster.columns]`, \
         `{} = \"<title>\"`", numbers(.1), .0.as_str(), .0.as_str()
    )]
    Several(Field, Vec<usize>),
    /// Two columns that are used have one title.
    #[error("columns {} have the same title and are used as `{}`. Rename or remove one of them",
        numbers(.1), .0.as_str())]
    SameTitle(Field, Vec<usize>),
    /// The settings name a column that the file does not have.
    #[error(
        "the file does not have the column that the setting `roster.columns.{}` names. Correct \
         the setting, or export the column", .0.as_str()
    )]
    Missing(Field),
    /// The settings use one column for two fields.
    #[error("the settings `roster.columns.{}` and `roster.columns.{}` name the same column",
        .0.as_str(), .1.as_str())]
    UsedTwice(Field, Field),
}

/// Writes indices as numbers from 1: `2, 5`.
fn numbers(places: &[usize]) -> String {
    places.iter().map(|place| (place + 1).to_string()).collect::<Vec<_>>().join(", ")
}

/// The meaning of each column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The source, if it was recognised.
    pub system: Option<SourceSystem>,
    /// The titles as in the file.
    pub titles: Vec<String>,
    /// One for each title.
    pub uses: Vec<ColumnUse>,
}

impl Columns {
    /// Gives each column its meaning.
    ///
    /// # Errors
    /// All [`BadColumns`] together.
    pub fn recognise(
        titles: Vec<String>,
        mapping: &ColumnMapping,
    ) -> Result<Self, (Self, Vec<BadColumns>)> {
        let comparable: Vec<String> = titles.iter().map(|title| comparable_title(title)).collect();
        let system = SourceSystem::recognise(&comparable);
        let mut columns = Self { system, uses: vec![ColumnUse::Dropped; titles.len()], titles };
        let mut bad = columns.map(&comparable, mapping);
        for (field, known) in TITLES {
            if !mapping.contains_key(&field) {
                bad.extend(columns.recognise_field(&comparable, field, known));
            }
        }
        let has = |field| columns.places(field).next().is_some();
        let no_email_yet = !bad.iter().any(|bad| {
            matches!(
                bad,
                BadColumns::Several(Field::Email, _)
                    | BadColumns::SameTitle(Field::Email, _)
                    | BadColumns::Missing(Field::Email)
                    | BadColumns::UsedTwice(Field::Email, _)
                    | BadColumns::UsedTwice(_, Field::Email)
            )
        });
        if no_email_yet && !has(Field::Email) && !has(Field::Login) {
            bad.push(BadColumns::NoEmail);
        }
        if bad.is_empty() { Ok(columns) } else { Err((columns, bad)) }
    }

    /// Applies the settings.
    fn map(&mut self, comparable: &[String], mapping: &ColumnMapping) -> Vec<BadColumns> {
        let mut bad = Vec::new();
        for (field, title) in mapping.iter().filter(|(_, title)| !title.trim().is_empty()) {
            let wanted = comparable_title(title);
            let places: Vec<usize> = (0..comparable.len())
                .filter(|place| comparable.get(*place) == Some(&wanted))
                .collect();
            match places[..] {
                [] => bad.push(BadColumns::Missing(*field)),
                [place] => match self.uses.get_mut(place) {
                    Some(ColumnUse::Mapped(other)) => {
                        bad.push(BadColumns::UsedTwice(*other, *field));
                    }
                    Some(column) => *column = ColumnUse::Mapped(*field),
                    None => {}
                },
                _ => bad.push(BadColumns::SameTitle(*field, places)),
            }
        }
        bad
    }

    /// Finds the columns of one field by their titles.
    fn recognise_field(
        &mut self,
        comparable: &[String],
        field: Field,
        known: &[&str],
    ) -> Option<BadColumns> {
        let rank = |title: &String| {
            let own = self.system.and_then(|system| system.own_field(title));
            match own {
                Some(own) => (own == field).then_some(known.len()),
                None => known.iter().position(|other| other == title),
            }
        };
        let is_free = |place: usize| self.uses.get(place) == Some(&ColumnUse::Dropped);
        let mut candidates: Vec<(usize, usize)> = comparable
            .iter()
            .enumerate()
            .filter(|(place, _)| is_free(*place))
            .filter_map(|(place, title)| Some((rank(title)?, place)))
            .collect();
        candidates.sort_unstable();
        let takes_all = MANY.contains(&field);
        let (best, first) = *candidates.first()?;
        let same: Vec<usize> =
            candidates.iter().filter(|(rank, _)| *rank == best).map(|(_, place)| *place).collect();
        for (_, place) in &candidates {
            if let Some(column) = self.uses.get_mut(*place) {
                *column = if takes_all || *place == first {
                    ColumnUse::Recognised(field)
                } else {
                    ColumnUse::NotChosen(field)
                };
            }
        }
        if same.len() > 1 {
            Some(BadColumns::SameTitle(field, same))
        } else if candidates.len() > 1 && NEEDED.contains(&field) {
            let places = candidates.into_iter().map(|(_, place)| place).collect();
            Some(BadColumns::Several(field, places))
        } else {
            None
        }
    }

    /// Returns the indices of the columns of a field; for [`Field::Class`], the most specific
    /// first.
    pub fn places(&self, field: Field) -> impl Iterator<Item = usize> {
        let mut places: Vec<usize> = (0..self.uses.len())
            .filter(|place| {
                let column = self.uses.get(*place);
                column == Some(&ColumnUse::Mapped(field))
                    || column == Some(&ColumnUse::Recognised(field))
            })
            .collect();
        let known =
            TITLES.iter().find(|(own, _)| *own == field).map_or(&[][..], |(_, known)| known);
        places.sort_by_key(|place| {
            let title = self.titles.get(*place).map(|title| comparable_title(title));
            known.iter().position(|other| title.as_deref() == Some(*other)).unwrap_or(known.len())
        });
        places.into_iter()
    }

    /// Returns the fields that have a column.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let has = |field: &Field| self.places(*field).next().is_some();
        TITLES.into_iter().map(|(field, _)| field).filter(has).collect()
    }

    /// Returns a title for reports, or `column N` if it may be a value: the first row of a file
    /// without a header is a person's.
    #[must_use]
    pub fn safe_title(&self, place: usize) -> String {
        let title = self.titles.get(place).map(String::as_str).unwrap_or_default().trim();
        let is_title = comparable_title(title).chars().any(char::is_alphabetic)
            && title.chars().count() <= 60
            && !title.contains('@')
            && !title.chars().any(char::is_control);
        let is_known = self.uses.get(place) != Some(&ColumnUse::Dropped);
        if is_title && is_known { title.to_owned() } else { format!("column {}", place + 1) }
    }
}

/// Returns the form in which titles are compared.
#[must_use]
pub fn comparable_title(title: &str) -> String {
    let mut comparable = String::with_capacity(title.len());
    let mut in_brackets = false;
    for letter in title.chars() {
        match letter {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '_' | '-' => {}
            _ if in_brackets || letter.is_whitespace() || is_invisible(letter) => {}
            _ => comparable.extend(letter.to_lowercase()),
        }
    }
    comparable
}

/// Whether a title is one of those that are recognised, or one that the settings name.
#[must_use]
pub fn is_known_title(title: &str, mapping: &ColumnMapping) -> bool {
    let title = comparable_title(title);
    TITLES.iter().any(|(_, known)| known.contains(&title.as_str()))
        || mapping.values().any(|own| comparable_title(own) == title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognise(titles: &str, mapping: &[(Field, &str)]) -> Result<Columns, Vec<BadColumns>> {
        let mapping = mapping.iter().map(|(field, title)| (*field, (*title).to_owned())).collect();
        let titles = titles.split(',').map(str::to_owned).collect();
        Columns::recognise(titles, &mapping).map_err(|(_, bad)| bad)
    }

    fn uses(columns: &Columns) -> String {
        let named = |(title, column): (&String, &ColumnUse)| match column {
            ColumnUse::Mapped(field) | ColumnUse::Recognised(field) => {
                Some(format!("{}={}", field.as_str(), title.trim()))
            }
            _ => None,
        };
        columns.titles.iter().zip(&columns.uses).filter_map(named).collect::<Vec<_>>().join(" ")
    }

    /// Asserts that an export with these titles is recognised, with these uses of its columns.
    fn assert_recognised(titles: &str, system: SourceSystem, expected: &str) {
        let columns = recognise(titles, &[]).unwrap();
        assert_eq!(columns.system, Some(system));
        assert_eq!(uses(&columns), expected);
    }

    #[test]
    fn an_export_of_google_workspace_is_recognised() {
        assert_recognised(
            "First Name [Required],Last Name [Required],Email Address [Required],\
             Org Unit Path [Required],Status [READ ONLY],Last Sign In [READ ONLY],\
             Home Secondary Email,Work Secondary Email,Recovery Email,Employee ID,\
             Employee Type,Employee Title,Manager Email,Department,Cost Center",
            SourceSystem::GoogleWorkspace,
            "given_name=First Name [Required] family_name=Last Name [Required] \
             email=Email Address [Required] status=Status [READ ONLY] \
             personal_emails=Home Secondary Email aliases=Work Secondary Email \
             personal_emails=Recovery Email employee_number=Employee ID \
             class=Employee Type manager=Manager Email department=Department",
        );
    }

    #[test]
    fn an_export_of_entra_is_recognised() {
        assert_recognised(
            "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,\
             jobTitle,department,accountEnabled,usageLocation,alternateEmailAddress",
            SourceSystem::Entra,
            "login=userPrincipalName name=displayName family_name=surname email=mail \
             given_name=givenName source_id=objectId class=userType department=department \
             status=accountEnabled personal_emails=alternateEmailAddress",
        );
    }

    #[test]
    fn an_export_of_okta_is_recognised() {
        assert_recognised(
            "login,firstName,lastName,email,secondEmail,title,displayName,userType,\
             employeeNumber,costCenter,organization,division,department,managerId,manager,\
             status",
            SourceSystem::Okta,
            "login=login given_name=firstName family_name=lastName email=email \
             personal_emails=secondEmail name=displayName class=userType \
             employee_number=employeeNumber department=department manager=managerId \
             status=status",
        );
    }

    #[test]
    fn an_export_of_bamboohr_is_recognised() {
        assert_recognised(
            "id,Employee #,First Name,Last Name,Display Name,Work Email,Home Email,\
             Job Title,Department,Division,Location,Status,Employment Status,Hire Date,\
             Termination Date,Supervisor,supervisorEId",
            SourceSystem::BambooHr,
            "source_id=id employee_number=Employee # given_name=First Name \
             family_name=Last Name name=Display Name email=Work Email \
             personal_emails=Home Email department=Department status=Status \
             class=Employment Status started=Hire Date ended=Termination Date \
             manager=supervisorEId",
        );
    }

    #[test]
    fn an_export_of_workday_is_recognised() {
        assert_recognised(
            "Employee_ID,Full_Name,Email,Start_Date,Termination_Date,Employee_Type,\
             Manager_ID,Manager_Name",
            SourceSystem::Workday,
            "employee_number=Employee_ID name=Full_Name email=Email started=Start_Date \
             ended=Termination_Date class=Employee_Type manager=Manager_ID",
        );
    }

    #[test]
    fn an_export_of_rippling_is_recognised() {
        assert_recognised(
            "employee_number,work_email,personal_email,status,employment_type,start_date,\
             termination_date,manager_id,job_title",
            SourceSystem::Rippling,
            "employee_number=employee_number email=work_email \
             personal_emails=personal_email status=status class=employment_type \
             started=start_date ended=termination_date manager=manager_id",
        );
    }

    #[test]
    fn the_settings_have_the_last_word() {
        let titles = "Email,Business Address,Status,Code";
        let columns = recognise(
            titles,
            &[(Field::Email, "business_address"), (Field::Status, ""), (Field::Key, "CODE")],
        );
        assert_eq!(uses(&columns.unwrap()), "email=Business Address key=Code");
        let missing = recognise(titles, &[(Field::Owner, "Owner")]);
        assert_eq!(missing.unwrap_err(), [BadColumns::Missing(Field::Owner)]);
        let twice = recognise(titles, &[(Field::Key, "code"), (Field::Email, "Code")]);
        assert_eq!(twice.unwrap_err(), [BadColumns::UsedTwice(Field::Key, Field::Email)]);
    }

    #[test]
    fn two_candidates_for_a_needed_field_stop_the_import_and_others_are_chosen_by_their_rank() {
        let bad = recognise("Email,Work Email,Name", &[]).unwrap_err();
        assert_eq!(bad, [BadColumns::Several(Field::Email, vec![0, 1])]);
        assert_eq!(
            bad[0].to_string(),
            "columns 1, 2 can all be `email`. Name the right one in the settings: \
             `[roster.columns]`, `email = \"<title>\"`"
        );
        let columns = recognise("Email,Manager,Manager ID", &[]).unwrap();
        assert_eq!(uses(&columns), "email=Email manager=Manager ID");
        assert_eq!(recognise("Name,Telephone", &[]).unwrap_err(), [BadColumns::NoEmail]);
        let bad = recognise("Email,Department,department", &[]).unwrap_err();
        assert_eq!(bad, [BadColumns::SameTitle(Field::Department, vec![1, 2])]);
        assert!(recognise("Email,Telephone,telephone", &[]).is_ok());
    }

    #[test]
    fn a_report_never_contains_a_possible_value() {
        let columns = recognise("Email,ida@acme.example,Ida Berg,Status", &[]).unwrap();
        let titles: Vec<String> = (0..4).map(|place| columns.safe_title(place)).collect();
        assert_eq!(titles, ["Email", "column 2", "column 3", "Status"]);
    }
}
