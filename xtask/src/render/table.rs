//! Aligned columns, readable without colour.

use anstyle::{AnsiColor, Style};

use bringup_model::text::visible;

/// The meaning of a text, shown as its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    /// Worth a look, but not wrong.
    Odd,
    Bad,
}

impl Tone {
    pub fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Odd => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }

    /// The word for style sheets.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Odd => "odd",
            Self::Bad => "bad",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

impl Cell {
    pub fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: visible(text.as_ref()).replace('\n', " "), tone }
    }

    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Colours `text`, if `color`.
pub fn paint(text: &str, style: Style, color: bool) -> String {
    if color && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Aligns columns, two spaces apart. The first row is bold. Columns from `numbers` on are aligned to the right.
pub fn columns(rows: &[Vec<Cell>], numbers: usize, color: bool) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let style = if index == 0 { Style::new().bold() } else { cell.tone.style() };
            let padding = " ".repeat(width - cell.text.chars().count());
            let painted = paint(&cell.text, style, color);
            line += "  ";
            line += &if column >= numbers { padding + &painted } else { painted + &padding };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![Cell::plain("step"), Cell::plain("wall")],
            vec![Cell::plain("musl s390x"), Cell::new("27.1", Tone::Bad)],
            vec![Cell::plain("größe"), Cell::plain("5")],
        ]
    }

    #[test]
    fn text_goes_left_and_numbers_go_right() {
        let text = columns(&rows(), 1, false);
        assert_eq!(text, "  step        wall\n  musl s390x  27.1\n  größe          5\n");
    }

    #[test]
    fn colour_changes_no_width() {
        let plain = anstream::adapter::strip_str(&columns(&rows(), 1, true)).to_string();
        assert_eq!(plain, columns(&rows(), 1, false));
        assert_ne!(columns(&rows(), 1, true), plain);
    }
}
