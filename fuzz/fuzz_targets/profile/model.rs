//! What a profile says of a call, worked out from the profile: lists that are walked from their beginning, and no
//! tree, no ranges, no instructions.

use crate::architecture::{Architecture, X32_BIT, multiplexed};
use crate::interpreter::Data;
use crate::make_up::Bytes;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg, LinuxSeccompOperator as Op,
    LinuxSyscall,
};
use std::cell::RefCell;
use std::rc::Rc;

const KILL_THREAD: u32 = 0;
const NO_SUCH_CALL: u32 = 0x5_0026;
/// set_tls and its like.
const ARM_OWN: u32 = 0xf_0000;

/// A compiler may refuse it: there is a number that does not fit, or it is very long, or it wants somebody to be
/// asked where nobody can be.
pub(crate) fn may_be_refused(profile: &LinuxSeccomp) -> bool {
    let entries = || profile.syscalls().iter().flatten();
    let too_large = |number: Option<u32>| number.is_some_and(|number| number > 0xffff);
    let conditions = || entries().flat_map(|entry| entry.args().iter().flatten());
    too_large(profile.default_errno_ret())
        || entries().any(|entry| too_large(entry.errno_ret()))
        || profile.default_action() == Action::ScmpActNotify
        || entries()
            .any(|entry| entry.action() == Action::ScmpActNotify && cannot_ask(profile, entry))
        || conditions().any(|condition| condition.index() > 5)
        || entries()
            .map(|e| e.names().len() * (1 + e.args().iter().flatten().count()))
            .sum::<usize>()
            > 60
}

fn cannot_ask(profile: &LinuxSeccomp, entry: &LinuxSyscall) -> bool {
    let nobody = profile.listener_path().as_ref().is_none_or(|path| path.as_os_str().is_empty());
    nobody || entry.names().iter().any(|name| name == "write")
}

fn value(action: Action, number: Option<u32>) -> u32 {
    let number = number.unwrap_or(1);
    match action {
        Action::ScmpActKill | Action::ScmpActKillThread => KILL_THREAD,
        Action::ScmpActKillProcess => 0x8000_0000,
        Action::ScmpActTrap => 0x0003_0000,
        Action::ScmpActErrno => 0x0005_0000 + number,
        Action::ScmpActNotify => 0x7fc0_0000,
        Action::ScmpActTrace => 0x7ff0_0000 + number,
        Action::ScmpActLog => 0x7ffc_0000,
        Action::ScmpActAllow => 0x7fff_0000,
    }
}

/// One thing that the profile says of one call.
#[derive(Clone)]
struct Rule {
    action: u32,
    /// The first argument, where another call carries this one.
    carried: Option<u32>,
    conditions: Vec<LinuxSeccompArg>,
}

pub(crate) struct Model<'a> {
    profile: &'a LinuxSeccomp,
    default: u32,
    /// With the highest number that the profile names.
    architectures: Vec<(Architecture, Option<u32>)>,
    /// What was asked for last, and will be again with other arguments.
    last: RefCell<Option<(Arch, u32, Rc<[Rule]>)>>,
}

impl<'a> Model<'a> {
    pub(crate) fn of(profile: &'a LinuxSeccomp, native: Arch) -> Self {
        let listed = profile.architectures().iter().flatten().copied();
        let all = std::iter::once(native).chain(listed).map(|kind| Architecture::of(kind, native));
        let big_endian = Architecture::of(native, native).big_endian;
        let default = value(profile.default_action(), profile.default_errno_ret());
        let mut model =
            Model { profile, default, architectures: Vec::new(), last: RefCell::new(None) };
        for architecture in all.filter(|a| a.big_endian == big_endian) {
            let newest = model.newest(&architecture);
            model.architectures.push((architecture, newest));
        }
        model
    }

    pub(crate) fn verdict(&self, call: &Data) -> u32 {
        let mut mine = self.architectures.iter().filter(|(a, _)| a.audit == call.architecture);
        if call.architecture == Arch::ScmpArchX86_64 as u32 {
            return self.of_x86_64(call);
        }
        mine.next().map_or(KILL_THREAD, |architecture| self.of_one(architecture, call.number, call))
    }

    /// x32 has the same architecture, and a bit in its numbers.
    fn of_x86_64(&self, call: &Data) -> u32 {
        let kind = |kind: Arch| self.architectures.iter().find(|(a, _)| a.kind == kind);
        let plain = kind(Arch::ScmpArchX86_64);
        match (plain, kind(Arch::ScmpArchX32)) {
            (_, Some(x32)) if call.number >= X32_BIT => {
                self.of_one(x32, call.number - X32_BIT, call)
            }
            (None, _) => KILL_THREAD,
            (Some(plain), _) if call.number < X32_BIT => self.of_one(plain, call.number, call),
            (Some(plain), _) if self.knows_age() && plain.1.is_some() => NO_SUCH_CALL,
            // What a tracer makes of a call that it wants skipped.
            (Some(_), _) if call.number == u32::MAX => self.default,
            (Some(_), _) => KILL_THREAD,
        }
    }

    fn of_one(&self, of: &(Architecture, Option<u32>), number: u32, call: &Data) -> u32 {
        let (architecture, newest) = of;
        let arm_own = architecture.kind == Arch::ScmpArchArm && number >= ARM_OWN;
        let newest = newest.filter(|_| self.knows_age() && !arm_own);
        if newest.is_some_and(|newest| number > newest) {
            return NO_SUCH_CALL;
        }
        let rules = self.rules_again(architecture, number);
        let s390 = matches!(architecture.kind, Arch::ScmpArchS390 | Arch::ScmpArchS390x);
        if rules.is_empty() && number == 0 && s390 && self.knows_age() {
            return NO_SUCH_CALL;
        }
        let plain = |rule: &&Rule| rule.carried.is_none() && rule.conditions.is_empty();
        let found = rules
            .iter()
            .find(plain)
            .or_else(|| rules.iter().find(|rule| holds(rule, call, architecture.wide)));
        found.map_or(self.default, |rule| rule.action)
    }

    /// Calls that are newer than the profile are told apart.
    fn knows_age(&self) -> bool {
        let open = matches!(
            self.profile.default_action(),
            Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace
        );
        !open && self.default != NO_SUCH_CALL
    }

    /// The highest number that the profile names.
    fn newest(&self, architecture: &Architecture) -> Option<u32> {
        let entries = self.profile.syscalls().iter().flatten();
        let named = entries.flat_map(|entry| {
            let is_rule = value(entry.action(), entry.errno_ret()) != self.default;
            entry.names().iter().flat_map(move |name| {
                let own = architecture.number(name).filter(|number| *number < ARM_OWN);
                let carrier = multiplexed(name).filter(|_| is_rule && architecture.multiplexes);
                [own, carrier.and_then(|(carrier, _)| architecture.number(carrier))]
            })
        });
        named.flatten().max()
    }

    fn rules_again(&self, architecture: &Architecture, number: u32) -> Rc<[Rule]> {
        if let Some((kind, last, rules)) = &*self.last.borrow() {
            if (*kind, *last) == (architecture.kind, number) {
                return rules.clone();
            }
        }
        let rules: Rc<[Rule]> = self.rules(architecture, number).into();
        *self.last.borrow_mut() = Some((architecture.kind, number, rules.clone()));
        rules
    }

    /// In the order in which they count.
    fn rules(&self, architecture: &Architecture, number: u32) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for entry in self.profile.syscalls().iter().flatten() {
            let action = value(entry.action(), entry.errno_ret());
            for name in entry.names().iter().filter(|_| action != self.default) {
                for conditions in alternatives(entry.args().as_deref().unwrap_or_default()) {
                    if architecture.number(name) == Some(number) {
                        let conditions = conditions.clone();
                        rules.push(Rule { action, carried: None, conditions });
                    }
                    let Some((carrier, code)) = multiplexed(name) else { continue };
                    if architecture.multiplexes && architecture.number(carrier) == Some(number) {
                        let other = conditions.iter().copied().filter(|c| c.index() != 0);
                        let carried = Some(code);
                        let rule = Rule { action, carried, conditions: other.collect() };
                        let whole = rule.conditions.is_empty();
                        let known = rules.iter().any(|known| is_first(known, code, architecture));
                        match (whole, known) {
                            // The first of them that says the same counts.
                            (true, true) => {}
                            (true, false) => rules.insert(0, rule),
                            (false, _) => rules.push(rule),
                        }
                    }
                }
            }
        }
        rules
    }

    /// Calls at and around all that the profile says, and some that the bytes say.
    pub(crate) fn calls(&self, bytes: &mut Bytes<'_>) -> Vec<Data> {
        let mut calls = Vec::new();
        for (architecture, _) in &self.architectures {
            let bit = if architecture.kind == Arch::ScmpArchX32 { X32_BIT } else { 0 };
            for number in self.numbers(architecture) {
                for turn in 0..4 {
                    let arguments = std::array::from_fn(|index| self.argument(index, turn, bytes));
                    let big_endian = architecture.big_endian;
                    let number = number.wrapping_add(bit);
                    let data = Data {
                        number,
                        architecture: architecture.audit,
                        arguments,
                        big_endian,
                        ..Data::default()
                    };
                    calls.push(data);
                }
            }
        }
        // Of an architecture that the profile does not have, perhaps.
        let big_endian = self.architectures.first().is_some_and(|(a, _)| a.big_endian);
        for architecture in
            [0, u32::MAX, 0xc000_003e, 0x4000_0003, 0x8000_0016, bytes.value() as u32]
        {
            let number = bytes.value() as u32;
            calls.push(Data { number, architecture, big_endian, ..Data::default() });
        }
        calls
    }

    fn numbers(&self, architecture: &Architecture) -> Vec<u32> {
        let names = self.profile.syscalls().iter().flatten().flat_map(|entry| entry.names());
        let mut numbers = vec![0, 1, X32_BIT - 1, X32_BIT, X32_BIT + 1, ARM_OWN, u32::MAX];
        for name in names.take(64) {
            let carrier = multiplexed(name).and_then(|(carrier, _)| architecture.number(carrier));
            for number in architecture.number(name).into_iter().chain(carrier) {
                numbers.extend([number.wrapping_sub(1), number, number.wrapping_add(1)]);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// At or beside what a condition compares it with.
    fn argument(&self, index: usize, turn: usize, bytes: &mut Bytes<'_>) -> u64 {
        let entries = self.profile.syscalls().iter().flatten();
        let mut compared: Vec<u64> = entries
            .flat_map(|entry| entry.args().iter().flatten())
            .filter(|condition| condition.index() == index)
            .take(16)
            .flat_map(|condition| [condition.value(), condition.value_two().unwrap_or(0)])
            .collect();
        // Which carried call it is.
        compared.extend([1 + turn as u64, 1 << 32 | turn as u64]);
        let chosen = compared[bytes.below(compared.len()).wrapping_add(turn) % compared.len()];
        match bytes.below(5) {
            0 => chosen,
            1 => chosen.wrapping_add(1),
            2 => chosen.wrapping_sub(1),
            3 => chosen ^ 1 << bytes.below(64),
            _ => bytes.value(),
        }
    }
}

/// Several conditions on one argument are alternatives, each alone.
fn alternatives(conditions: &[LinuxSeccompArg]) -> Vec<Vec<LinuxSeccompArg>> {
    let repeated = (0..6).any(|i| conditions.iter().filter(|c| c.index() == i).count() > 1);
    match repeated {
        true => conditions.iter().map(|condition| vec![*condition]).collect(),
        false => vec![conditions.to_vec()],
    }
}

/// The rule says of this carried call, or of the carrier with this first argument, whatever else is given.
fn is_first(rule: &Rule, code: u32, architecture: &Architecture) -> bool {
    let seen = |value: u64| if architecture.wide { value } else { value & 0xffff_ffff };
    match (rule.carried, &rule.conditions[..]) {
        (Some(known), []) => known == code,
        (None, [only]) if only.index() == 0 => match only.op() {
            Op::ScmpCmpEq => seen(only.value()) == u64::from(code),
            Op::ScmpCmpMaskedEq => {
                seen(only.value()) == seen(u64::MAX)
                    && seen(only.value_two().unwrap_or(0)) == u64::from(code)
            }
            _ => false,
        },
        _ => false,
    }
}

fn holds(rule: &Rule, call: &Data, wide: bool) -> bool {
    let seen = |value: u64| if wide { value } else { value & 0xffff_ffff };
    let condition = |condition: &LinuxSeccompArg| {
        let given = seen(call.arguments[condition.index()]);
        let value = seen(condition.value());
        match condition.op() {
            Op::ScmpCmpNe => given != value,
            Op::ScmpCmpLt => given < value,
            Op::ScmpCmpLe => given <= value,
            Op::ScmpCmpEq => given == value,
            Op::ScmpCmpGe => given >= value,
            Op::ScmpCmpGt => given > value,
            Op::ScmpCmpMaskedEq => {
                given & value == seen(condition.value_two().unwrap_or(0)) & value
            }
        }
    };
    let carried = rule.carried.is_none_or(|code| seen(call.arguments[0]) == u64::from(code));
    carried && rule.conditions.iter().all(condition)
}
