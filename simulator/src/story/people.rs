//! Joiners, leavers, roles, seats, second factors and sign-ins.

use crate::people::{ADMIN, AGENT, BILLING, LEAD, NEWCOMERS, role};
use crate::seed::SIGN_IN;
use crate::workspace::Workspace;

use super::Story;
use super::plot::Person::{self, It, Newcomer, Owner, Veteran};
use super::plot::{Plot, Scene};

/// The newcomers with roles in the story, by index.
const ESCALATED: usize = 1;
const TEAM_LEAD: usize = 2;
const RETURNING: usize = 3;
const WITHOUT_SECOND_FACTOR: usize = 4;

/// The places of veterans with roles in the story. Leavers have the places after them.
pub const EXPORTER: usize = 0;
const LOCKED_OUT: usize = 1;
const PROMOTED: usize = 2;

/// One veteran in this many does not sign in any more.
const ONE_IN_DORMANT: usize = 16;
/// How many veterans sign in during the last weeks at most. More would only make the log longer.
const SIGNING_IN: usize = 2_000;

pub fn write(plot: &mut Plot) {
    let joiners = (plot.veterans() / 10).clamp(6, NEWCOMERS.len());
    joining(plot, joiners);
    leaving(plot, joiners);
    coming_back(plot);
    roles(plot);
    seats(plot);
    second_factors(plot);
    invitations(plot);
    sign_ins(plot);
    trouble_with_signing_in(plot);
}

/// The newcomers are invited, join a day later, sign in, and most turn on a second factor.
fn joining(plot: &mut Plot, joiners: usize) {
    for (number, newcomer) in NEWCOMERS.iter().enumerate().take(joiners) {
        // The first five join early, because they have roles in the story.
        let day = match number {
            0 => 1,
            1..=4 => 2,
            _ => 4 + 80 * i64::try_from(number - 5).unwrap_or_default() / 19,
        };
        let invited = plot.minute();
        let joined = plot.minute();
        plot.on(day, invited, move |scene| {
            let email = newcomer.email();
            let role = newcomer.role();
            scene.with(It, |workspace, by, at| workspace.invite(&email, &role, by, at));
        });
        plot.on(day + 1, joined, move |scene| join(scene, number));
        if !number.is_multiple_of(5) || number == 0 {
            plot.on(day + 1, joined + 15, move |scene| {
                scene.with(Newcomer(number), |workspace, id, at| {
                    workspace.set_two_factor(id, true, at);
                });
            });
        }
    }
}

/// A newcomer accepts the invitation and signs in.
fn join(scene: &mut Scene, number: usize) {
    let joined = scene.workspace.accept_invitation(NEWCOMERS[number].admin(), scene.at);
    if let Some(id) = joined {
        scene.cast.joined(number, id);
        scene.workspace.sign_in(id, "saml", scene.at + 60);
    }
}

/// As many people leave as join. Different admins remove them.
fn leaving(plot: &mut Plot, leavers: usize) {
    for number in 0..leavers {
        // The first leaver is the one who exported contacts the day before.
        let place = if number == 0 { EXPORTER } else { PROMOTED + number };
        let steps = i64::try_from(leavers.max(2) - 1).unwrap_or(1);
        let day = 8 + 80 * i64::try_from(number).unwrap_or_default() / steps;
        let minute = plot.minute();
        let by = match number % 3 {
            0 => It,
            1 => Newcomer(TEAM_LEAD),
            _ => Owner,
        };
        plot.on(day, minute - 40, move |scene| {
            scene.with(Veteran(place), |workspace, id, at| {
                workspace.sign_out(id, at);
            });
        });
        plot.on(day, minute, move |scene| remove(scene, Veteran(place), by));
    }
}

fn remove(scene: &mut Scene, person: Person, by: Person) {
    let by = scene.id(by).or(scene.id(It));
    if let Some(by) = by {
        scene.with(person, |workspace, id, at| workspace.remove_admin(id, by, at));
    }
}

/// One person leaves and joins again. Intercom gives such a person a new id.
fn coming_back(plot: &mut Plot) {
    plot.on(30, 1_010, |scene| remove(scene, Newcomer(RETURNING), It));
    let newcomer = &NEWCOMERS[RETURNING];
    plot.on(60, 545, move |scene| {
        let email = newcomer.email();
        scene.with(It, |workspace, by, at| workspace.invite(&email, &newcomer.role(), by, at));
    });
    plot.on(61, 550, |scene| join(scene, RETURNING));
}

fn change_role(plot: &mut Plot, day: i64, person: Person, index: usize, by: Person) {
    let minute = plot.minute();
    plot.on(day, minute, move |scene| {
        if let Some(by) = scene.id(by) {
            scene.with(person, |workspace, id, at| {
                workspace.change_role(id, &role(index), by, at);
            });
        }
    });
}

/// An agent becomes an admin and, two weeks later, an agent again. The billing analyst becomes an
/// admin. Others are promoted.
fn roles(plot: &mut Plot) {
    change_role(plot, 38, Newcomer(ESCALATED), ADMIN, It);
    change_role(plot, 52, Newcomer(ESCALATED), AGENT, Owner);
    change_role(plot, 66, Newcomer(WITHOUT_SECOND_FACTOR), ADMIN, It);
    change_role(plot, 73, Newcomer(5), LEAD, Newcomer(TEAM_LEAD));
    change_role(plot, 87, Veteran(LOCKED_OUT), BILLING, It);
    change_role(plot, 17, Veteran(PROMOTED), LEAD, It);
    for (day, person, title) in [
        (18, Veteran(PROMOTED), "Team Lead"),
        (46, Newcomer(TEAM_LEAD), "Support Manager"),
        (74, Newcomer(5), "Support Engineering Lead"),
    ] {
        plot.on(day, 600, move |scene| {
            scene.with(person, |workspace, id, _| {
                if let Some(admin) = workspace.admin_mut(id) {
                    admin.job_title = Some(title.to_owned());
                }
            });
        });
    }
}

/// Seats are taken to save money: about one in twenty in one week, which the bridge's guard against
/// mass losses lets pass. Some are given back later.
fn seats(plot: &mut Plot) {
    let saved = (plot.veterans() / 20).clamp(3, 40);
    let last = plot.veterans();
    for number in 0..saved {
        let person = Veteran(last.saturating_sub(1 + number));
        let minute = 540 + i64::try_from(number).unwrap_or_default();
        for (day, seat) in [(57, false), (79, true)] {
            if seat && !number.is_multiple_of(3) {
                continue;
            }
            plot.on(day, minute, move |scene| {
                if let Some(by) = scene.id(It) {
                    scene.with(person, |workspace, id, at| workspace.set_seat(id, seat, by, at));
                }
            });
        }
    }
}

/// The billing analyst, by now an admin, turns the second factor off. Others turn it on.
fn second_factors(plot: &mut Plot) {
    plot.on(70, 1_190, |scene| {
        scene.with(Newcomer(WITHOUT_SECOND_FACTOR), |workspace, id, at| {
            workspace.set_two_factor(id, false, at);
        });
    });
    // From day 16 on, after the workspace began to require a second factor.
    let veterans = plot.veterans();
    for number in 0..(veterans / 8).clamp(2, 40) {
        let minute = plot.minute();
        let day = 16 + i64::from(plot.dice.below(60));
        plot.on(day, minute, move |scene| {
            scene.with(Veteran(veterans.saturating_sub(1 + number)), |workspace, id, at| {
                workspace.set_two_factor(id, true, at);
            });
        });
    }
}

const CANCELLED: &str = "intern@northwind.example";

/// An invitation expires, one is changed and cancelled, one is still open.
fn invitations(plot: &mut Plot) {
    for (day, address) in [(40, "contractor"), (47, "intern"), (88, "night.shift")] {
        plot.on(day, 700, move |scene| {
            let email = format!("{address}@northwind.example");
            scene.with(It, |workspace, by, at| workspace.invite(&email, &role(AGENT), by, at));
        });
    }
    plot.on(48, 610, |scene| {
        scene.with(It, |workspace, by, at| {
            workspace.change_invitation(CANCELLED, &role(4), by, at);
        });
    });
    plot.on(49, 615, |scene| {
        scene.with(Owner, |workspace, by, at| workspace.cancel_invitation(CANCELLED, by, at));
    });
}

/// People sign in, sign out and go away each day. In the last three weeks all but the dormant
/// accounts have signed in.
fn sign_ins(plot: &mut Plot) {
    let veterans = plot.veterans();
    let a_day = (4 + veterans / 30).min(16);
    for day in 0..Story::DAYS {
        for _ in 0..a_day {
            let place = plot.dice.below(u32::try_from(veterans).unwrap_or(u32::MAX)) as usize;
            if !is_dormant(place) {
                sign_in(plot, day, place);
            }
        }
        let person = Veteran(plot.dice.below(u32::try_from(veterans).unwrap_or(u32::MAX)) as usize);
        let back = plot.dice.one_in(2);
        plot.on(day, 725, move |scene| {
            scene.with(person, |workspace, id, at| workspace.set_away(id, !back, at));
        });
        let newcomer = plot.dice.below(24) as usize;
        plot.on(day, 485, move |scene| {
            scene.with(Newcomer(newcomer), |workspace, id, at| workspace.sign_in(id, "saml", at));
        });
    }
    for place in (0..veterans.min(SIGNING_IN)).filter(|place| !is_dormant(*place)) {
        let day = Story::DAYS - 21 + i64::from(plot.dice.below(21));
        sign_in(plot, day, place);
    }
    for day in (0..Story::DAYS).step_by(3) {
        plot.on(day, 500, |scene| {
            scene.with(Owner, |workspace, id, at| workspace.sign_in(id, "saml", at));
        });
    }
}

fn is_dormant(place: usize) -> bool {
    place % ONE_IN_DORMANT == ONE_IN_DORMANT - 5
}

fn sign_in(plot: &mut Plot, day: i64, place: usize) {
    let minute = plot.minute();
    let method = *plot.dice.pick(SIGN_IN);
    plot.on(day, minute, move |scene| {
        scene.with(Veteran(place), |workspace, id, at| workspace.sign_in(id, method, at));
    });
    if plot.dice.one_in(5) {
        plot.on(day, minute + 240, move |scene| {
            scene.with(Veteran(place), Workspace::sign_out);
        });
    }
}

/// Failed sign-ins and a new password; a method that is not allowed any more; a visit of Intercom's
/// staff.
fn trouble_with_signing_in(plot: &mut Plot) {
    for minute in [531, 532, 534] {
        plot.on(27, minute, |scene| {
            scene.with(Veteran(LOCKED_OUT), |workspace, id, at| {
                workspace.fail_sign_in(id, "email_password", at);
            });
        });
    }
    plot.on(27, 540, |scene| {
        scene.with(Veteran(LOCKED_OUT), Workspace::reset_password);
    });
    for (day, person) in [(18, Veteran(LOCKED_OUT)), (19, Veteran(PROMOTED)), (83, Newcomer(5))] {
        plot.on(day, 487, move |scene| {
            scene.with(person, |workspace, id, at| {
                workspace.refuse_sign_in_method(id, "email_password", at);
            });
        });
    }
    plot.on(50, 660, |scene| scene.with(It, Workspace::be_impersonated));
}
