//! The sections of the console, as the navigation lists them. A new page needs a row here.

/// A section of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    People,
    Teams,
    Identities,
    Seats,
    Changes,
    Compare,
    Activity,
    Posture,
    Reviews,
    Requests,
    Imports,
    Clients,
    Audit,
}

/// Sections with a common heading in the navigation.
pub struct SectionGroup {
    /// The heading; empty for the overview, which stands alone.
    pub title: &'static str,
    pub sections: &'static [Section],
}

/// The navigation.
pub const NAVIGATION: [SectionGroup; 5] = [
    SectionGroup { title: "", sections: &[Section::Overview] },
    SectionGroup {
        title: "Access",
        sections: &[Section::People, Section::Teams, Section::Identities, Section::Seats],
    },
    SectionGroup {
        title: "History",
        sections: &[Section::Changes, Section::Compare, Section::Activity],
    },
    SectionGroup { title: "Safety", sections: &[Section::Posture, Section::Reviews] },
    SectionGroup {
        title: "Operation",
        sections: &[Section::Requests, Section::Imports, Section::Clients, Section::Audit],
    },
];

impl Section {
    /// The title in the navigation.
    pub fn title(self) -> &'static str {
        self.title_and_path().0
    }

    /// The path of the page.
    pub fn path(self) -> &'static str {
        self.title_and_path().1
    }

    fn title_and_path(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", "/"),
            Self::People => ("People", "/people"),
            Self::Teams => ("Teams", "/teams"),
            Self::Identities => ("Identities", "/identities"),
            Self::Seats => ("Seats", "/seats"),
            Self::Changes => ("Changes", "/changes"),
            Self::Compare => ("Compare", "/compare"),
            Self::Activity => ("Activity", "/activity"),
            Self::Posture => ("Posture", "/posture"),
            Self::Reviews => ("Reviews", "/reviews"),
            Self::Requests => ("Requests", "/requests"),
            Self::Imports => ("Imports", "/imports"),
            Self::Clients => ("Clients", "/clients"),
            Self::Audit => ("Audit trail", "/audit"),
        }
    }
}
