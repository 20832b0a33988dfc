//! Enums whose values have one word each. The same word stands in the database, in JSON, in the
//! parameters of the API, on the command line and in the labels of metrics.

/// An enum with one word for each of its values.
pub trait Words: Copy + 'static {
    /// All values, in the order of their declaration.
    const VALUES: &'static [Self];

    /// The word of this value.
    fn word(self) -> &'static str;

    /// The value with this word. `None` if there is no such value.
    #[must_use]
    fn from_word(word: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|value| value.word() == word)
    }

    /// All words, separated by a comma and a space: for errors and help texts.
    #[must_use]
    fn list() -> String {
        Self::VALUES.iter().map(|value| value.word()).collect::<Vec<_>>().join(", ")
    }
}

/// Defines an enum with one word for each value: `Full = "full"`. Serde, `Display`, `as_str` and
/// [`Words`] use that word; `ALL` has every value.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        $visibility enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All values, in the order of their declaration.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word of this value, in the database, in JSON and everywhere else.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::words::Words for $name {
            const VALUES: &'static [Self] = &Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;
