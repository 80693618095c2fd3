//! Text from elsewhere, made fit to be shown.

/// Replaces what could move a cursor or break a file format: control characters other than the line feed, and
/// Unicode's noncharacters, appear as `\u{1b}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            '\t' => shown.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}
