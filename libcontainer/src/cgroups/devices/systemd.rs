//! Device rules as systemd knows them (systemd.resource-control(5), "DeviceAllow="): a list of what
//! is allowed. It is never narrower than the rules; the runtime's own filter, which is attached
//! beside systemd's, is exact.

use super::{Access, Kind, Rule};

/// The entries of `DeviceAllow=` for these rules, `None` where they cannot be a list of what is
/// allowed: then systemd is to leave devices alone.
pub(in crate::cgroups) fn allowed(rules: &[Rule]) -> Option<Vec<(String, String)>> {
    let last_total = rules.iter().rposition(Rule::is_total);
    if last_total.is_some_and(|at| rules[at].allow) {
        return None;
    }
    let rules = &rules[last_total.map_or(0, |at| at + 1)..];
    let mut allowed: Vec<(String, Access)> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.allow) {
        for name in names(rule)? {
            // systemd asks of each entry whether it allows the whole access.
            match allowed.iter_mut().find(|(known, _)| *known == name) {
                Some((_, access)) => access.0 |= rule.access.0,
                None => allowed.push((name, rule.access)),
            }
        }
    }
    Some(allowed.into_iter().map(|(name, access)| (name, letters(access))).collect())
}

/// A device node, or `char-` and `block-` with a major number or `*`.
fn names(rule: &Rule) -> Option<Vec<String>> {
    let kinds: &[&str] = match rule.kind {
        Kind::Any => &["block", "char"],
        Kind::Block => &["block"],
        Kind::Char => &["char"],
    };
    let name = |kind: &&str| match (rule.major, rule.minor) {
        (Some(major), Some(minor)) => Some(format!("/dev/{kind}/{major}:{minor}")),
        (Some(major), None) => Some(format!("{kind}-{major}")),
        (None, None) => Some(format!("{kind}-*")),
        (None, Some(_)) => None,
    };
    kinds.iter().map(name).collect()
}

fn letters(access: Access) -> String {
    let letters = [(Access::READ, 'r'), (Access::WRITE, 'w'), (Access::MKNOD, 'm')];
    letters.iter().filter(|(bit, _)| access.contains(*bit)).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: bool, kind: Kind, numbers: (Option<u32>, Option<u32>), access: u8) -> Rule {
        let (major, minor) = numbers;
        Rule { allow, kind, major, minor, access: Access(access), index: None }
    }

    #[test]
    fn accesses_of_a_device_are_one_entry() {
        let numbers = (Some(1), Some(3));
        let rules = [
            rule(false, Kind::Any, (None, None), 7),
            rule(true, Kind::Char, numbers, 2),
            rule(true, Kind::Char, numbers, 4),
            rule(true, Kind::Char, (Some(136), None), 7),
            rule(true, Kind::Any, (None, None), 1),
        ];
        let expected =
            [("/dev/char/1:3", "rw"), ("char-136", "rwm"), ("block-*", "m"), ("char-*", "m")];
        let expected = expected.map(|(name, access)| (name.to_owned(), access.to_owned()));
        assert_eq!(allowed(&rules).unwrap(), expected);
    }

    #[test]
    fn what_is_no_list_is_left_to_the_filter() {
        let all = rule(true, Kind::Any, (None, None), 7);
        let minor_alone = rule(true, Kind::Char, (None, Some(3)), 7);
        assert_eq!(allowed(&[all]), None);
        assert_eq!(allowed(&[minor_alone]), None);
    }
}
