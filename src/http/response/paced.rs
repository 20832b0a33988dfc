//! Long response bodies, sent in steps.
//!
//! One thread serves many connections. If it copied a body of a megabyte to one of them at once,
//! the short responses of all others would wait. So a long body is sent in steps of
//! [`limits::SENDING_STEP_BYTES`]. The long bodies of a thread take turns, one step each. Between
//! two steps the thread handles all requests that have arrived.
//!
//! A client that reads slowly takes no turns from others: its body waits for the next turn only
//! when the bytes of the previous ones have been sent.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt;
use actix_web::web::Bytes;

use crate::limits;

thread_local! {
    /// The long bodies of this thread.
    static TURNS: Rc<SendTurns> = Rc::default();
}

/// Returns the body, to be sent in steps if it is long.
pub fn paced(body: BoxBody) -> BoxBody {
    let is_long = match body.size() {
        BodySize::None => false,
        BodySize::Sized(length) => length > limits::SENT_AT_ONCE_BYTES,
        BodySize::Stream => true,
    };
    if !is_long {
        return body;
    }
    let turns = TURNS.with(Rc::clone);
    BoxBody::new(Paced { body, rest: Bytes::new(), sent: 0, turn: None, turns })
}

/// A body that is sent in steps.
struct Paced {
    body: BoxBody,
    /// The rest of the last chunk of the body.
    rest: Bytes,
    /// The number of bytes of this step that were sent.
    sent: usize,
    /// The turn that the body waits for; `None` if it is its turn.
    turn: Option<Rc<SendTurn>>,
    turns: Rc<SendTurns>,
}

impl MessageBody for Paced {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if let Some(turn) = &this.turn {
            ready!(turn.poll(context));
            this.turn = None;
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(context)) {
                Some(Ok(chunk)) => this.rest = chunk,
                end => return Poll::Ready(end),
            }
        }
        let length = this.rest.len().min(limits::SENDING_STEP_BYTES - this.sent);
        this.sent += length;
        if this.sent == limits::SENDING_STEP_BYTES {
            this.sent = 0;
            this.turn = Some(this.turns.wait());
        }
        Poll::Ready(Some(Ok(this.rest.split_to(length))))
    }
}

/// The long bodies of a thread that wait for their turn, the first one first.
#[derive(Default)]
struct SendTurns {
    waiting: RefCell<VecDeque<Weak<SendTurn>>>,
    /// Whether [`give`] is running.
    are_given: Cell<bool>,
}

/// The turn of a body for one step.
#[derive(Default)]
struct SendTurn {
    is_given: Cell<bool>,
    /// Wakes the task of the connection.
    waker: RefCell<Option<Waker>>,
}

impl SendTurn {
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_given.get() {
            return Poll::Ready(());
        }
        self.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }

    fn give(&self) {
        self.is_given.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl SendTurns {
    /// Adds a body to those that wait.
    fn wait(self: &Rc<Self>) -> Rc<SendTurn> {
        let turn = Rc::<SendTurn>::default();
        self.waiting.borrow_mut().push_back(Rc::downgrade(&turn));
        if !self.are_given.replace(true) {
            rt::spawn(give(Giving(Rc::clone(self))));
        }
        turn
    }

    /// The next body. Those whose connection was closed are skipped.
    fn next(&self) -> Option<Rc<SendTurn>> {
        let mut waiting = self.waiting.borrow_mut();
        std::iter::from_fn(|| waiting.pop_front()).find_map(|turn| turn.upgrade())
    }
}

/// Exists while turns are given. Dropped with the runtime at the latest.
struct Giving(Rc<SendTurns>);

impl Drop for Giving {
    fn drop(&mut self) {
        self.0.are_given.set(false);
    }
}

/// Gives turns until no body waits.
async fn give(giving: Giving) {
    loop {
        // The runtime continues here after it has looked for new events of all connections.
        tokio::task::yield_now().await;
        let Some(turn) = giving.0.next() else { return };
        turn.give();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::task::LocalSet;

    use super::*;

    const LENGTH: usize = 1_000_000;

    fn long() -> Bytes {
        (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>().into()
    }

    /// The next part of a body; `None` at its end.
    async fn part(body: &mut BoxBody) -> Option<Bytes> {
        poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await.map(Result::unwrap)
    }

    /// Reads a body to its end, and notes the name before each part.
    async fn read(mut body: BoxBody, name: char, steps: Rc<RefCell<String>>) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some(part) = part(&mut body).await {
            assert!(part.len() <= limits::SENDING_STEP_BYTES);
            steps.borrow_mut().push(name);
            read.extend_from_slice(&part);
        }
        read
    }

    #[tokio::test]
    async fn long_bodies_take_turns_and_arrive_unchanged() {
        let local = LocalSet::new();
        let steps = Rc::<RefCell<String>>::default();
        let all = local.run_until(async {
            let read = |name| rt::spawn(read(paced(BoxBody::new(long())), name, Rc::clone(&steps)));
            let (first, second, third) = (read('a'), read('b'), read('c'));
            [first.await.unwrap(), second.await.unwrap(), third.await.unwrap()]
        });
        assert!(all.await.iter().all(|body| *body == long()));
        let rounds = LENGTH.div_ceil(limits::SENDING_STEP_BYTES);
        assert_eq!(*steps.borrow(), "abc".repeat(rounds));
    }

    #[tokio::test]
    async fn a_body_whose_connection_was_closed_has_no_turn() {
        let local = LocalSet::new();
        let steps = Rc::<RefCell<String>>::default();
        let read = local.run_until(async {
            let mut abandoned = paced(BoxBody::new(long()));
            assert_eq!(part(&mut abandoned).await.unwrap().len(), limits::SENDING_STEP_BYTES);
            let other = rt::spawn(read(paced(BoxBody::new(long())), 'b', Rc::clone(&steps)));
            drop(abandoned);
            other.await.unwrap()
        });
        assert_eq!(read.await, long());
    }

    #[test]
    fn short_bodies_are_sent_at_once() {
        let length = usize::try_from(limits::SENT_AT_ONCE_BYTES).unwrap();
        for (length, at_once) in [(0, true), (length, true), (length + 1, false)] {
            let body = paced(BoxBody::new(Bytes::from(vec![0; length])));
            assert_eq!(body.size(), BodySize::Sized(length as u64));
            assert_eq!(body.try_into_bytes().is_ok(), at_once, "{length}");
        }
    }
}
