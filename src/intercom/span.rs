//! The spans of time in which the activity log is read.

use crate::limits;

/// A span of time, in UNIX seconds. The last one has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub from: i64,
    pub to: Option<i64>,
}

/// What may help after a span could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Help {
    /// Asking for a shorter span.
    ShorterSpan,
    /// Asking again in the next import. This import goes on with later spans.
    NextImport,
    /// Nothing that this import can do.
    None,
}

/// Decides which span is read next. No side effects.
#[derive(Debug)]
pub(super) struct Spans {
    at: i64,
    end: i64,
    step: i64,
    /// The start of the first span that could not be read.
    gap: Option<i64>,
    failures: u32,
    over: bool,
}

impl Spans {
    /// Starts with the first span of the time from `since` to `now`, in UNIX seconds.
    pub fn new(since: i64, now: i64) -> Self {
        Self {
            at: since,
            end: now,
            step: limits::ACTIVITY_STEP,
            gap: None,
            failures: 0,
            over: false,
        }
    }

    /// The span to read next; `None` at the end.
    pub fn next_span(&self) -> Option<Span> {
        if self.over {
            return None;
        }
        let to = self.at.saturating_add(self.step);
        Some(Span { from: self.at, to: (to < self.end).then_some(to) })
    }

    /// Records that the span was read and had `found` new entries.
    pub fn succeeded(&mut self, found: usize) {
        self.failures = 0;
        self.go_on();
        // After an empty span, a longer one is probably not too much for one request.
        let longer = self.step.saturating_mul(2);
        self.step = if found == 0 { longer } else { longer.min(limits::ACTIVITY_STEP) };
    }

    /// Records that the span could not be read.
    pub fn failed(&mut self, help: Help) {
        let length = self.step.min(self.end.saturating_sub(self.at));
        let shorter =
            [limits::ACTIVITY_STEP, limits::ACTIVITY_STEP_SHORT, limits::ACTIVITY_STEP_SHORTEST];
        let shorter = shorter.into_iter().find(|shorter| *shorter < length);
        match (help, shorter) {
            (Help::ShorterSpan, Some(shorter)) => self.step = shorter,
            (Help::ShorterSpan, None) => {
                self.failures += 1;
                self.skip();
                self.over |= self.failures >= limits::ACTIVITY_FAILURES;
            }
            (Help::NextImport, _) => self.skip(),
            (Help::None, _) => {
                self.skip();
                self.over = true;
            }
        }
    }

    /// Leaves the current span unread.
    fn skip(&mut self) {
        self.gap.get_or_insert(self.at);
        self.go_on();
    }

    fn go_on(&mut self) {
        match self.next_span().and_then(|span| span.to) {
            Some(to) => self.at = to,
            None => self.over = true,
        }
    }

    /// The start of the first span that could not be read.
    pub fn first_gap(&self) -> Option<i64> {
        self.gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    /// Runs through the spans of `days` days. `answer` gives the outcome of each: the number of
    /// entries, or what may help.
    fn spans(
        days: i64,
        mut answer: impl FnMut(Span) -> Result<usize, Help>,
    ) -> (Vec<(i64, i64)>, Option<i64>) {
        let mut spans = Spans::new(0, days * DAY);
        let mut asked = Vec::new();
        while let Some(span) = spans.next_span() {
            asked.push((span.from / DAY, span.to.map_or(days, |to| to / DAY)));
            assert!(asked.len() < 1_000, "reading ends");
            match answer(span) {
                Ok(found) => spans.succeeded(found),
                Err(help) => spans.failed(help),
            }
        }
        (asked, spans.first_gap().map(|gap| gap / DAY))
    }

    #[test]
    fn a_short_span_is_requested_at_once_and_without_an_end() {
        assert_eq!(Spans::new(0, 600).next_span(), Some(Span { from: 0, to: None }));
        assert_eq!(spans(1, |_| Ok(3)), (vec![(0, 1)], None));
    }

    #[test]
    fn long_spans_are_requested_in_steps_and_empty_steps_grow() {
        assert_eq!(spans(12, |_| Ok(3)), (vec![(0, 5), (5, 10), (10, 12)], None));
        assert_eq!(spans(40, |_| Ok(0)), (vec![(0, 5), (5, 15), (15, 35), (35, 40)], None));
    }

    #[test]
    fn a_failed_span_is_requested_in_shorter_steps() {
        // The first 15 days are empty; after them, only spans of up to two days can be read.
        let limit = |span: Span| match span.to {
            Some(to) if span.from < 15 * DAY && to <= 15 * DAY => Ok(0),
            to => {
                if to.unwrap_or(40 * DAY) - span.from <= 2 * DAY {
                    Ok(1)
                } else {
                    Err(Help::ShorterSpan)
                }
            }
        };
        let (asked, gap) = spans(40, limit);
        assert_eq!(gap, None);
        assert_eq!(asked[..5], [(0, 5), (5, 15), (15, 35), (15, 20), (15, 16)]);
    }

    #[test]
    fn an_unreadable_part_is_a_gap_and_later_parts_are_read() {
        let (asked, gap) = spans(12, |span| {
            if (5 * DAY..6 * DAY).contains(&span.from) && span.from < 5 * DAY + 60 {
                Err(Help::ShorterSpan)
            } else {
                Ok(1)
            }
        });
        assert_eq!(gap, Some(5));
        assert_eq!(asked.last().map(|span| span.1), Some(12), "the newest part is read");
    }

    #[test]
    fn a_log_that_always_fails_is_given_up_soon() {
        let (asked, gap) = spans(365, |_| Err(Help::ShorterSpan));
        assert!(asked.len() <= 6, "{asked:?}");
        assert_eq!(gap, Some(0));
        assert_eq!(spans(365, |_| Err(Help::None)), (vec![(0, 5)], Some(0)));
    }
}
