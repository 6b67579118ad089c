//! The name of a container's owner, for lists.

use std::fs;

/// The name of a user by /etc/passwd (passwd(5)), `#uid` if it has none. Other sources of names
/// are not asked: that would take libc's NSS, which cannot be linked statically.
pub fn user_name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&users, uid).map_or_else(|| format!("#{uid}"), str::to_owned)
}

fn name_in(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_with_the_uid_counts() {
        let users = "\n# comment\nroot:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nu:x:1000:5::/:\n:x:7:7\nbad:x\n";
        assert_eq!(name_in(users, 0), Some("root"));
        assert_eq!(name_in(users, 1000), Some("u"));
        assert_eq!(name_in(users, 5), None);
        assert_eq!(name_in(users, 7), None);
    }

    #[test]
    fn a_uid_without_a_name_stands_for_itself() {
        assert_eq!(user_name(u32::MAX), "#4294967295");
    }
}
