//! A table of measurements, each beside its floor and its goal.

/// Lines as they are printed.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<[String; 6]>,
    missed: usize,
}

/// What a ratio must reach.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this many milliseconds.
    AtMost(f64),
}

impl Table {
    /// A heading between lines.
    pub fn heading(&mut self, text: &str) {
        println!("\n{text}");
        self.lines.push([text.to_owned(), "".into(), "".into(), "".into(), "".into(), "".into()]);
    }

    /// A line: what, how much, beside what (for a floor: its ratio), whether the goal is met.
    pub fn line(&mut self, what: &str, measured: &str, beside: &str, goal: Option<(Goal, f64)>) {
        self.line_with_processor(what, measured, beside, goal, "");
    }

    /// A line that also says what processor time it took.
    pub fn line_with_processor(
        &mut self,
        what: &str,
        measured: &str,
        beside: &str,
        goal: Option<(Goal, f64)>,
        processor: &str,
    ) {
        let (wanted, verdict) = match goal {
            None => (String::new(), ""),
            Some((goal, value)) => {
                let (text, met) = match goal {
                    Goal::AtLeast(least) => (format!(">= {least}"), value >= least),
                    Goal::AtMost(most) => (format!("<= {most} ms"), value <= most),
                };
                self.missed += usize::from(!met);
                (text, if met { "ok" } else { "MISSED" })
            }
        };
        println!("  {what}: {measured}  {beside}  {wanted} {verdict}  {processor}");
        self.lines.push([
            format!("  {what}"),
            measured.to_owned(),
            beside.to_owned(),
            wanted,
            verdict.to_owned(),
            processor.to_owned(),
        ]);
    }

    /// Prints everything, aligned; returns how many goals were missed.
    pub fn print(&self) -> usize {
        let titles =
            ["", "measured", "beside it", "goal", "", "processor us a piece: Postgres / here"];
        let widths: Vec<usize> = (0..6)
            .map(|column| {
                let cells = self.lines.iter().map(|line| line[column].chars().count());
                cells.chain([titles[column].len()]).max().unwrap_or(0)
            })
            .collect();
        let print = |cells: [&str; 6]| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("{}", padded.join("  ").trim_end());
        };
        println!();
        print(titles);
        for line in &self.lines {
            print(line.each_ref().map(String::as_str));
        }
        self.missed
    }
}
