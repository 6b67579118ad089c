//! Numbers as text where every start needs them: `format!` takes several times as long.

/// Appends a number with zeros in front of it, up to so many digits.
pub(crate) fn push(text: &mut String, number: u64, digits: u32) {
    if number >= 10 || digits > 1 {
        push(text, number / 10, digits.saturating_sub(1));
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    #[test]
    fn zeros_are_put_in_front() {
        for (number, digits, expected) in [
            (0, 1, "0"),
            (7, 3, "007"),
            (10, 1, "10"),
            (345, 2, "345"),
            (u64::MAX, 0, "18446744073709551615"),
        ] {
            let mut text = String::new();
            super::push(&mut text, number, digits);
            assert_eq!(text, expected);
        }
    }
}
