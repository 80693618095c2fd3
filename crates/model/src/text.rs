//! Makes foreign text safe to display.

/// Escapes characters that could move the cursor or break a file format, such as ESC as `\u{1b}`: control characters except
/// the line feed, U+FFFE and U+FFFF. A tab becomes a space.
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
