//! Generates a company of any size: teams of different sizes, people in several teams and in none,
//! one bot, and names from many countries. The same seed generates the same company.

use crate::dice::Dice;
use crate::workspace::{Admin, Priority, Role, Workspace};

/// The parameters of the company.
#[derive(Clone, Copy, Debug)]
pub struct Company {
    /// The number of people, without the bot.
    pub admins: u32,
    /// The number of teams.
    pub teams: u32,
    /// The seed of the random numbers.
    pub seed: u64,
    /// The current time in UNIX seconds. People joined and signed in before it.
    pub now: i64,
}

const FIRST: &[&str] = &[
    "Ada",
    "José",
    "Łukasz",
    "Zoë",
    "Siobhán",
    "Nguyễn",
    "Fatima",
    "Björn",
    "Chloé",
    "Dmitri",
    "Emeka",
    "Yuki",
    "Aarav",
    "Ines",
    "Mateo",
    "Olivia",
    "Liam",
    "Noor",
    "Søren",
    "Tomás",
    "Priya",
    "Hannah",
    "Kwame",
    "Leila",
    "Marta",
    "Niamh",
    "Omar",
    "Paula",
    "Quinn",
    "Rosa",
    "Sanjay",
    "Thea",
    "Uma",
    "Viktor",
    "Wen",
    "Ximena",
    "Yara",
    "Zane",
    "Maria del Carmen",
    "Jean-Luc",
];
const LAST: &[&str] = &[
    "Lovelace",
    "Álvarez",
    "Wójcik",
    "O'Brien",
    "van den Berg",
    "Thị Minh",
    "Al-Sayed",
    "Lindqvist",
    "Dubois",
    "Petrov",
    "Okafor",
    "Tanaka",
    "Sharma",
    "Ferreira",
    "García López",
    "Smith",
    "Murphy",
    "Haddad",
    "Jensen",
    "Castro",
    "Patel",
    "Weber",
    "Mensah",
    "Rahimi",
    "Kowalska",
    "Byrne",
    "Farouk",
    "Schmidt",
    "Reyes",
    "Costa",
    "Iyer",
    "Nielsen",
    "Rao",
    "Ivanov",
    "Zhang",
    "Morales",
    "Khalil",
    "Cooper",
    "Núñez",
    "Moreau",
];
const ONE_WORD: &[&str] = &["Cher", "李小龙", "Suharto", "Ólafía"];
const TITLES: &[&str] = &[
    "Support Specialist",
    "Support Specialist",
    "Support Specialist",
    "Senior Support Specialist",
    "Support Engineer",
    "Team Lead",
    "Support Manager",
    "Customer Success Manager",
    "Onboarding Specialist",
    "Billing Analyst",
    "Head of Support",
    "Director, CX (EMEA)",
];
const TEAMS: &[&str] = &[
    "Support EMEA",
    "Support Americas",
    "Support APAC",
    "Billing",
    "Onboarding",
    "Customer Success",
    "Tier 2",
    "Escalations",
    "VIP",
    "Trust & Safety",
    "Weekend Cover",
    "Soporte en Español",
    "Équipe Francophone",
    "サポート日本",
    "Integrations",
    "Knowledge Base",
];
pub(crate) const ROLES: &[(&str, &str)] = &[
    ("1", "Admin"),
    ("2", "Support Agent"),
    ("3", "Support Lead"),
    ("4", "Billing"),
    ("5", "Read only"),
];
pub(crate) const SIGN_IN: &[&str] = &["email_password", "google_oauth2", "saml"];
pub(crate) const DAY: i64 = 86_400;

/// Generates the company.
pub fn seed(company: Company, access_token: impl Into<String>) -> Workspace {
    let mut workspace = Workspace::new(access_token);
    for (id, name) in ROLES {
        let description = format!("{name}, as {} defines it", workspace.name);
        workspace.list_role(&Role::new(id, name), Some(&description));
    }
    // Nobody has this one.
    workspace.list_role(&Role::new("6", "Auditor"), None);
    let mut dice = Dice::new(company.seed);
    let people: Vec<u64> = (0..company.admins)
        .map(|number| person(&mut workspace, &mut dice, number, company.now))
        .collect();
    let operator = format!("operator+{}@intercom.io", workspace.id_code);
    workspace.add_admin(Admin { name: "Operator".to_owned(), email: operator, ..Admin::default() });
    for number in 0..company.teams {
        team(&mut workspace, &mut dice, number, &people);
    }
    if let Some(owner) = people.first() {
        for id in &people {
            if dice.one_in(5) {
                let granted: &[&str] = if dice.one_in(4) {
                    &["manage_teammates", "export_data", "access_billing_settings"]
                } else {
                    &["send_messages", "manage_tags"]
                };
                workspace.set_permissions(
                    *id,
                    *owner,
                    granted,
                    company.now - DAY * i64::from(dice.below(200)),
                );
            }
        }
    }
    workspace.log.sort_by_key(|entry| entry.created_at);
    workspace
}

/// Adds people to a company that was just generated. All others stay the same.
pub fn newcomers(workspace: &mut Workspace, company: Company, count: u32) {
    let mut dice = Dice::new(!company.seed);
    for number in 0..count {
        person(workspace, &mut dice, company.admins + number, company.now);
    }
    workspace.log.sort_by_key(|entry| entry.created_at);
}

fn person(workspace: &mut Workspace, dice: &mut Dice, number: u32, now: i64) -> u64 {
    let name = if number > 0 && dice.one_in(60) {
        (*dice.pick(ONE_WORD)).to_owned()
    } else {
        format!("{} {}", dice.pick(FIRST), dice.pick(LAST))
    };
    let admin = Admin {
        // The number makes addresses unique in companies with more people than names.
        email: format!("{}{number}@northwind.example", address_part(&name)),
        name,
        job_title: (!dice.one_in(8)).then(|| (*dice.pick(TITLES)).to_owned()),
        away: dice.one_in(9),
        has_inbox_seat: !dice.one_in(6),
        role: (!dice.one_in(10)).then(|| {
            let (id, name) = if number == 0 { ROLES[0] } else { *dice.pick(ROLES) };
            Role { id: id.to_owned(), name: name.to_owned() }
        }),
        avatar_url: dice.one_in(2).then(|| {
            format!("https://static.intercomassets.com/avatars/{number}/square_128/picture.jpg")
        }),
        ..Admin::default()
    };
    let joined = now - DAY * i64::from(1 + dice.below(900));
    let id = workspace.join(admin, joined);
    if dice.one_in(3) {
        workspace.set_two_factor(id, !dice.one_in(10), joined + 3_600);
    }
    let method = *dice.pick(SIGN_IN);
    workspace.sign_in(id, method, now - 60 * i64::from(dice.below(40_000)));
    id
}

/// Adds a team. Teams get smaller within each dozen, whose last one is empty, and with each
/// repetition of the list of names. About one person in seven is in no team.
fn team(workspace: &mut Workspace, dice: &mut Dice, number: u32, people: &[u64]) {
    let round = number as usize / TEAMS.len();
    let place = number as usize % TEAMS.len();
    let base = TEAMS[place];
    let name = if round == 0 { base.to_owned() } else { format!("{base} {}", round + 1) };
    let share = (number % 12 + 3) * (number / 16 + 1).saturating_pow(3);
    let joinable = people.iter().filter(|id| *id % 7 != 3);
    let members: Vec<u64> = if number % 12 == 11 {
        Vec::new()
    } else {
        joinable.filter(|_| dice.below(share) == 0).copied().collect()
    };
    let id = workspace.add_team(&name, &members);
    let levels = dice.one_in(3);
    if let Some(team) = workspace.team_mut(id) {
        team.distribution_method =
            [None, Some("manual"), Some("round_robin"), Some("load_balanced")]
                [dice.below(4) as usize]
                .map(str::to_owned);
        team.assignment_limit =
            (team.distribution_method.as_deref() == Some("load_balanced")).then_some(10);
        for (at, priority) in team.members.values_mut().enumerate().filter(|_| levels) {
            *priority = Some(if at % 3 == 2 { Priority::Secondary } else { Priority::Primary });
        }
    }
}

fn address_part(name: &str) -> String {
    let ascii: String = name
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == ' ')
        .collect::<String>()
        .to_lowercase()
        .trim()
        .replace(' ', ".");
    if ascii.is_empty() { "teammate".to_owned() } else { ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: Company = Company { admins: 250, teams: 12, seed: 7, now: 1_790_000_000 };

    #[test]
    fn the_same_seed_makes_the_same_company() {
        let names = |company| {
            seed(company, "t")
                .admins()
                .map(|(id, admin)| (id, admin.email.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(COMPANY), names(COMPANY));
        assert_ne!(names(COMPANY), names(Company { seed: 8, ..COMPANY }));
    }

    #[test]
    fn newcomers_change_nobody_else() {
        let people = |count| {
            let mut workspace = seed(COMPANY, "t");
            newcomers(&mut workspace, COMPANY, count);
            let teams = workspace.memberships_by_admin();
            let person =
                |(id, admin): (u64, &Admin)| (id, admin.email.clone(), teams.get(&id).cloned());
            workspace.admins().map(person).collect::<Vec<_>>()
        };
        let before = people(0);
        let after = people(2);
        assert_eq!(after.len(), before.len() + 2);
        assert_eq!(after[..before.len()], before[..]);
    }

    #[test]
    fn it_looks_like_a_real_company() {
        let workspace = seed(COMPANY, "t");
        assert_eq!(workspace.admins().count(), 251);
        assert_eq!(
            workspace.admins().filter(|(_, admin)| admin.email.starts_with("operator+")).count(),
            1
        );
        let sizes: Vec<usize> = workspace.teams().map(|(_, team)| team.members.len()).collect();
        assert!(sizes.contains(&0) && sizes.iter().max() > Some(&60), "{sizes:?}");
        let by_admin = workspace.memberships_by_admin();
        assert!(by_admin.values().any(|teams| teams.len() > 2));
        assert!(workspace.admins().any(|(id, _)| !by_admin.contains_key(&id)));
        assert!(workspace.admins().any(|(_, admin)| !admin.name.is_ascii()));
        assert!(workspace.admins().any(|(_, admin)| admin.job_title.is_none()));
    }
}
