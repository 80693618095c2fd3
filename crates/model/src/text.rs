//! Text for people: foreign text made safe to display, numbers of things, and what differs.

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
/// A number of things: `1 test`, `2 tests`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first line in which a program's output differs from what it must print; nothing if they are equal.
pub fn difference(expected: &str, printed: &str) -> Option<String> {
    if printed == expected {
        return None;
    }
    let (left, right): (Vec<_>, Vec<_>) = (expected.lines().collect(), printed.lines().collect());
    let line = (0..left.len().max(right.len())).find(|line| left.get(*line) != right.get(*line));
    Some(match line {
        Some(line) => {
            let name = |text: Option<&&str>| text.map_or_else(|| "nothing".into(), |text| format!("`{text}`"));
            format!("line {}: expected {}, printed {}", line + 1, name(left.get(line)), name(right.get(line)))
        }
        None => "the final newline is missing, or there is one too many".into(),
    })
}
