//! The sections of the console, as the navigation lists them. A new page needs a row here.

/// A section of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    People,
    Teams,
    Changes,
}

/// Sections with a common heading in the navigation.
pub struct SectionGroup {
    /// The heading; empty for the overview, which stands alone.
    pub title: &'static str,
    pub sections: &'static [Section],
}

/// The navigation.
pub const NAVIGATION: [SectionGroup; 3] = [
    SectionGroup { title: "", sections: &[Section::Overview] },
    SectionGroup { title: "Access", sections: &[Section::People, Section::Teams] },
    SectionGroup { title: "History", sections: &[Section::Changes] },
];

impl Section {
    /// The title in the navigation.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::People => "People",
            Self::Teams => "Teams",
            Self::Changes => "Changes",
        }
    }

    /// The path of the page.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::People => "/people",
            Self::Teams => "/teams",
            Self::Changes => "/changes",
        }
    }
}
