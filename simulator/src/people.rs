//! The people who join in the story and afterwards.

use crate::seed::ROLES;
use crate::workspace::{Admin, Role};

/// A person who joins: name, address before the `@`, job title, and the index of the role.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    name: &'static str,
    address: &'static str,
    title: &'static str,
    role: usize,
}

const fn newcomer(
    name: &'static str,
    address: &'static str,
    title: &'static str,
    role: usize,
) -> Newcomer {
    Newcomer { name, address, title, role }
}

/// The roles by their index in [`ROLES`].
pub const ADMIN: usize = 0;
pub const AGENT: usize = 1;
pub const LEAD: usize = 2;
pub const BILLING: usize = 3;

/// The people who join in the story.
pub const NEWCOMERS: &[Newcomer] = &[
    newcomer("Grace Okonkwo", "grace.okonkwo", "IT Administrator", ADMIN),
    newcomer("田中 花子", "hanako.tanaka", "Support Specialist", AGENT),
    newcomer("Анна Соколова", "anna.sokolova", "Team Lead", LEAD),
    newcomer("Marek Wójcik", "marek.wojcik", "Support Specialist", AGENT),
    newcomer("محمد الحسن", "mohammed.alhassan", "Billing Analyst", BILLING),
    newcomer("김 지훈", "jihoon.kim", "Support Engineer", AGENT),
    newcomer("Ελένη Παπαδοπούλου", "eleni.papadopoulou", "Support Specialist", AGENT),
    newcomer("प्रिया शर्मा", "priya.sharma", "Onboarding Specialist", AGENT),
    newcomer("李 伟", "wei.li", "Support Specialist", AGENT),
    newcomer("Nguyễn Thị Lan", "lan.nguyen", "Support Specialist", AGENT),
    newcomer("שירה כהן", "shira.cohen", "Support Engineer", AGENT),
    newcomer("Zoë van den Berg", "zoe.vandenberg", "Customer Success Manager", LEAD),
    newcomer("ნინო ბერიძე", "nino.beridze", "Support Specialist", AGENT),
    newcomer("Aoife Ní Bhriain", "aoife.nibhriain", "Senior Support Specialist", AGENT),
    newcomer("João Conceição", "joao.conceicao", "Support Specialist", AGENT),
    newcomer("สมชาย ใจดี", "somchai.jaidee", "Support Specialist", AGENT),
    newcomer("Ifeoma Adeyemi", "ifeoma.adeyemi", "Support Manager", LEAD),
    newcomer("Håkan Sjöström", "hakan.sjostrom", "Support Engineer", AGENT),
    newcomer("Óscar Muñoz", "oscar.munoz", "Support Specialist", AGENT),
    newcomer("Լիլիթ Հակոբյան", "lilit.hakobyan", "Support Specialist", AGENT),
    newcomer("Chloé Lefèvre", "chloe.lefevre", "Billing Analyst", BILLING),
    newcomer("தமிழ்ச்செல்வி ராமன்", "tamilselvi.raman", "Support Specialist", AGENT),
    newcomer("Amina Diallo", "amina.diallo", "Support Specialist", AGENT),
    newcomer("Þórdís Jónsdóttir", "thordis.jonsdottir", "Team Lead", LEAD),
];

/// The people who join while the workspace is used.
pub const LATER: &[Newcomer] = &[
    newcomer("Juliette Bonnet", "juliette.bonnet", "Support Specialist", AGENT),
    newcomer("佐藤 健", "ken.sato", "Support Engineer", AGENT),
    newcomer("Олена Шевченко", "olena.shevchenko", "Support Specialist", AGENT),
    newcomer("Tadhg Ó Súilleabháin", "tadhg.osuilleabhain", "Support Specialist", AGENT),
    newcomer("ليلى منصور", "layla.mansour", "Support Specialist", AGENT),
    newcomer("Maryam Yusuf", "maryam.yusuf", "Onboarding Specialist", AGENT),
];

impl Newcomer {
    /// The address.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@northwind.example", self.address)
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        role(self.role)
    }

    /// The person, with a paid seat.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin {
            name: self.name.to_owned(),
            email: self.email(),
            job_title: Some(self.title.to_owned()),
            has_inbox_seat: true,
            ..Admin::default()
        }
    }
}

/// The role with this index.
#[must_use]
pub fn role(index: usize) -> Role {
    let (id, name) = ROLES.get(index).copied().unwrap_or(("2", "Support Agent"));
    Role::new(id, name)
}
