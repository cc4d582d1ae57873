//! How does JSON look to a person? As a table, or as an outline.

use serde_json::Value;

use crate::text;

/// Rows with aligned columns; nothing but a dash where there are none.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "-\n".into();
    }
    let mut widths: Vec<usize> = head.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = (*most).max(width(cell));
        }
    }
    let mut text = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, most) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(most.saturating_sub(width(cell)) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Chinese characters take two columns of a terminal.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{1100}'..='\u{ffe6}').contains(&c) && c != '\u{2026}' {
                2
            } else {
                1
            }
        })
        .sum()
}

/// One line per value, nested ones indented.
pub fn outline(value: &Value) -> String {
    let mut text = String::new();
    write_outline(value, 0, &mut text);
    text
}

fn write_outline(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        text.push_str(&format!("{indent}{key}:\n"));
                        write_outline(value, depth + 1, text);
                    }
                    plain => text.push_str(&format!("{indent}{key}: {}\n", scalar(plain))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(_) | Value::Array(_) => {
                        text.push_str(&format!("{indent}-\n"));
                        write_outline(item, depth + 1, text);
                    }
                    plain => text.push_str(&format!("{indent}- {}\n", scalar(plain))),
                }
            }
        }
        plain => text.push_str(&format!("{indent}{}\n", scalar(plain))),
    }
}

/// What came from a customer must not steer the terminal.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// The text at a JSON pointer, fit for one line of a terminal; empty where there is none.
pub fn at(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(items)) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        Some(other) => scalar(other),
    }
}

/// `text` without what would move the cursor or turn the line.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if text::shows(c) { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_also_beside_chinese() {
        let rows = [
            vec!["店".to_owned(), "x".to_owned()],
            vec!["shop".to_owned(), "y".to_owned()],
        ];
        assert_eq!(table(&["id", "n"], &rows), "id    n\n店    x\nshop  y\n");
    }

    #[test]
    fn nothing_a_customer_wrote_steers_the_terminal() {
        assert_eq!(
            outline(&serde_json::json!({"a": {"b": ["x\u{1b}[2J\n"]}})),
            "a:\n  b:\n    - x [2J \n"
        );
    }
}
