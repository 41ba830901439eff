//! Meilisearch's filter language, as far as the adapter writes it.

use super::meilisearch_server::{Document, values};

/// The filter language, of which operators other than these are refused.
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    In(String, Vec<String>),
    AtLeast(String, i64),
    Below(String, i64),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Filter {
    pub(super) fn parse(text: &str, filterable: &[String]) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, filterable };
        let filter = parser.any()?;
        if parser.at == parser.tokens.len() {
            Ok(filter)
        } else {
            Err(format!("rest after {}", parser.at))
        }
    }

    pub(super) fn holds(&self, document: &Document) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.holds(document)),
            Self::Any(any) => any.iter().any(|filter| filter.holds(document)),
            Self::Not(filter) => !filter.holds(document),
            Self::In(field, wanted) => {
                values(&document[field]).iter().any(|value| wanted.contains(value))
            }
            Self::AtLeast(field, least) => {
                document[field].as_i64().is_some_and(|value| value >= *least)
            }
            Self::Below(field, most) => document[field].as_i64().is_some_and(|value| value < *most),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' => {}
            '(' | ')' | '[' | ']' | ',' | '=' | '<' | '>' => tokens.push(Token::Sign(c)),
            '"' => {
                let mut value = String::new();
                loop {
                    match rest.next().ok_or("a quote does not end")? {
                        '"' => break,
                        '\\' => value.push(rest.next().ok_or("a quote does not end")?),
                        c => value.push(c),
                    }
                }
                tokens.push(Token::Text(value));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| !" ()[],=<>\"".contains(*c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    filterable: &'a [String],
}

impl Parser<'_> {
    fn take(&mut self, token: &Token) -> bool {
        let is = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(&Token::Word(word.to_owned()))
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("the filter ends")?;
        self.at += 1;
        Ok(token)
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut any = vec![self.all()?];
        while self.word("OR") {
            any.push(self.all()?);
        }
        Ok(Filter::Any(any))
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.one()?];
        while self.word("AND") {
            all.push(self.one()?);
        }
        Ok(Filter::All(all))
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.word("NOT") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.take(&Token::Sign('(')) {
            let inside = self.any()?;
            return if self.take(&Token::Sign(')')) { Ok(inside) } else { Err("no )".to_owned()) };
        }
        let Token::Word(field) = self.next()? else { return Err("no attribute".to_owned()) };
        if !self.filterable.contains(&field) {
            return Err(format!("Attribute `{field}` is not filterable."));
        }
        if self.word("IN") {
            if !self.take(&Token::Sign('[')) {
                return Err("no [".to_owned());
            }
            let mut wanted = Vec::new();
            while !self.take(&Token::Sign(']')) {
                let Token::Text(value) = self.next()? else { return Err("no value".to_owned()) };
                wanted.push(value);
                self.take(&Token::Sign(','));
            }
            return Ok(Filter::In(field, wanted));
        }
        match (self.next()?, self.next()?) {
            (Token::Sign('='), Token::Text(value)) => Ok(Filter::In(field, vec![value])),
            (Token::Sign('<'), Token::Word(number)) => {
                Ok(Filter::Below(field, number.parse().map_err(|_| "no number")?))
            }
            (Token::Sign('>'), Token::Sign('=')) => match self.next()? {
                Token::Word(number) => {
                    Ok(Filter::AtLeast(field, number.parse().map_err(|_| "no number")?))
                }
                other => Err(format!("{other:?} is no number")),
            },
            other => Err(format!("strange operator {other:?}")),
        }
    }
}
