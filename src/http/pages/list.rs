//! What pages with a list share: filters, sortable columns, page links and links to exports.
//!
//! A [`ListAddress`] has the address of the list that a page shows, with its filters. All links of
//! the list follow from it, so that they keep the filters.

use maud::{Markup, html};

use super::format::number;
use super::viewer::Viewer;

/// The address of a list: its path and its parameters. Empty parameters are left out.
pub struct ListAddress<'a> {
    viewer: &'a Viewer,
    path: &'a str,
    parameters: Vec<(&'static str, String)>,
}

impl<'a> ListAddress<'a> {
    /// The address of a list without filters.
    pub fn new(viewer: &'a Viewer, path: &'a str) -> Self {
        Self { viewer, path, parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// The address with one parameter set to another value, at the beginning of the list.
    pub fn changed(&self, name: &str, value: &str) -> String {
        self.at(self.path, &[("offset", ""), (name, value)])
    }

    /// The address of the export with the same filters, below the path of the list.
    pub fn export(&self, format: &str) -> String {
        self.at(&format!("{}/export", self.path), &[("offset", ""), ("format", format)])
    }

    fn at(&self, path: &str, changed: &[(&str, &str)]) -> String {
        let kept = self.parameters.iter().map(|(name, value)| (*name, &**value));
        let kept = kept.filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        let all: Vec<(&str, &str)> = kept.chain(changed.iter().copied()).collect();
        self.viewer.address(path, &all)
    }

    /// A form with filters. `fields` are made by [`select`], [`text_field`] and [`date_field`].
    /// `sort` is kept, if the list has that parameter.
    pub fn filters(&self, label: &str, fields: &Markup) -> Markup {
        let sort =
            self.parameters.iter().find(|(name, value)| *name == "sort" && !value.is_empty());
        html! {
            form class="filters" method="get" action=(self.path) role="search" aria-label=(label) {
                input type="hidden" name="workspace" value=(self.viewer.workspace.name);
                @if let Some((name, value)) = sort { input type="hidden" name=(name) value=(value); }
                (fields)
                div class="buttons" {
                    button class="main" { "Show" }
                    a href=(self.viewer.address(self.path, &[])) { "Reset" }
                }
            }
        }
    }

    /// The header of a column by which the list can be sorted, for the parameter `sort`. A second
    /// click reverses the order. `order` is the word of this column; `current` is the word of the
    /// order of the list, with `-` in front if it is reversed.
    pub fn column(&self, title: &str, order: &str, current: &str) -> Markup {
        let (current, is_reversed) = match current.strip_prefix('-') {
            Some(current) => (current, true),
            None => (current, false),
        };
        let is_current = current == order;
        let sorted = is_current.then_some(if is_reversed { "descending" } else { "ascending" });
        let next = if is_current && !is_reversed { format!("-{order}") } else { order.to_owned() };
        html! {
            th scope="col" aria-sort=[sorted] {
                a class="sort" href=(self.changed("sort", &next)) {
                    (title)
                    @match sorted {
                        Some("ascending") => span aria-hidden="true" { " ↑" },
                        Some(_) => span aria-hidden="true" { " ↓" },
                        None => {}
                    }
                }
            }
        }
    }

    /// Links to the pages before and after, and which page this is.
    pub fn pages(&self, page: &Page) -> Markup {
        if page.total <= page.size && page.offset == 0 {
            return html! {};
        }
        let at = |offset: usize| {
            let offset = if offset == 0 { String::new() } else { offset.to_string() };
            self.at(self.path, &[("offset", &offset)])
        };
        html! {
            nav class="pages" aria-label="Pages" {
                @if page.offset > 0 { a rel="prev" href=(at(page.offset.saturating_sub(page.size))) { "Previous" } }
                span { "Page " (number(page.number())) " of " (number(page.count())) }
                @if page.last() < page.total { a rel="next" href=(at(page.last())) { "Next" } }
            }
        }
    }

    /// Links to exports of exactly the rows that the filters select.
    pub fn exports(&self, total: usize, rows: &str) -> Markup {
        html! {
            @if total > 0 {
                p class="exports" {
                    "Export " (if total == 1 { "this" } else { "these" }) " " (number(total)) " " (rows) " as "
                    a href=(self.export("csv")) download { "CSV" } " or "
                    a href=(self.export("json")) download { "JSON" } "."
                }
            }
        }
    }
}

/// Which part of a list a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of rows before the page.
    pub offset: usize,
    /// The number of rows on the page.
    pub shown: usize,
    /// The number of rows on all pages.
    pub total: usize,
    /// The maximum number of rows on a page.
    pub size: usize,
}

impl Page {
    /// A page of a list whose rows are all known. Returns the rows of the page, too.
    pub fn of<T>(rows: &[T], offset: usize, size: usize) -> (Self, &[T]) {
        let offset = offset.min(rows.len());
        let end = offset.saturating_add(size).min(rows.len());
        let part = rows.get(offset..end).unwrap_or_default();
        (Self { offset, shown: part.len(), total: rows.len(), size }, part)
    }

    fn last(&self) -> usize {
        self.offset + self.shown
    }

    fn number(&self) -> usize {
        self.offset.div_ceil(self.size) + 1
    }

    fn count(&self) -> usize {
        self.total.div_ceil(self.size).max(self.number())
    }

    /// The caption of the table: which rows these are.
    pub fn caption(&self) -> String {
        if self.shown == 0 {
            return "No rows match. Reset the filters to see all.".to_owned();
        }
        format!("{} to {} of {}", number(self.offset + 1), number(self.last()), number(self.total))
    }
}

/// A labelled choice. Each option has a value and a text. A chosen value that is not among the
/// options is added, so that the form keeps it.
pub fn select(
    name: &str,
    label: &str,
    chosen: Option<&str>,
    options: &[(String, String)],
) -> Markup {
    let chosen = chosen.unwrap_or_default();
    let known = options.iter().any(|(value, _)| value == chosen);
    html! {
        label { (label)
            select name=(name) {
                @for (value, text) in options {
                    option value=(value) selected[value == chosen] { (text) }
                }
                @if !known { option value=(chosen) selected { (chosen) } }
            }
        }
    }
}

/// Options with fixed values.
pub fn fixed(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect()
}

/// Options after one that restricts nothing.
pub fn any(options: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = fixed(&[("", "Any")]);
    all.extend(options);
    all
}

/// A wide field for a text to search for.
pub fn text_field(name: &str, label: &str, value: &str, example: &str) -> Markup {
    html! {
        label class="wide" { (label)
            input type="search" name=(name) value=(value) placeholder=(example);
        }
    }
}

/// A field for a day.
pub fn date_field(name: &str, label: &str, value: &str) -> Markup {
    html! {
        label { (label)
            input type="date" name=(name) value=(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_it_is_in_the_list() {
        let rows: Vec<u32> = (0..250).collect();
        let (page, part) = Page::of(&rows, 100, 100);
        assert_eq!((part.first(), part.len()), (Some(&100), 100));
        assert_eq!((page.number(), page.count()), (2, 3));
        assert_eq!(page.caption(), "101 to 200 of 250");
        let (last, part) = Page::of(&rows, 9_999, 100);
        assert!(part.is_empty());
        assert_eq!(last.caption(), "No rows match. Reset the filters to see all.");
    }
}
