//! The blocks of a page in their order, each with its place: headings, paragraphs, tables and code.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A block of a page.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Heading(Text),
    Paragraph { text: Text, links: Vec<String>, is_quoted: bool },
    Code(Code),
    Table(Table),
}

/// A text without its marks (bold, links, backquotes), and where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    pub text: String,
    pub span: Range<usize>,
}

/// A table as Markdown has it: every row as wide as the header.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub header: Vec<Text>,
    pub rows: Vec<Vec<Text>>,
    pub span: Range<usize>,
}

/// A block of code.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    /// The first word after the fence, in lower case.
    pub language: String,
    pub text: String,
    pub span: Range<usize>,
    /// Where pieces of the text begin, in the text and on the page.
    pieces: Vec<(usize, usize)>,
}

impl Code {
    /// The place on the page of a part of the text.
    pub fn place(&self, part: &Range<usize>) -> Range<usize> {
        let of = |at: usize| {
            let piece = self.pieces.iter().rev().find(|(begins, _)| *begins <= at);
            piece.map_or(self.span.start, |(begins, place)| place + at - begins)
        };
        of(part.start)..of(part.end).max(of(part.start))
    }
}

/// Reads a page; every text is Markdown, so nothing is refused.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut reader = Reader { page, ..Reader::default() };
    for (event, span) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        reader.event(event, span);
    }
    reader.end_of_text();
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    page: &'a str,
    blocks: Vec<Block>,
    /// What is being read outside of code, with the addresses that it links to.
    text: Option<(Text, Vec<String>)>,
    code: Option<Code>,
    table: Option<Table>,
    quotes: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, span),
            Event::End(tag) => self.end(tag, span),
            Event::Text(text) => match &mut self.code {
                Some(code) => {
                    code.pieces.push((code.text.len(), span.start));
                    code.text.push_str(&text);
                }
                None => self.write(&text, span),
            },
            Event::Code(text) => self.write(&text, span),
            Event::SoftBreak | Event::HardBreak => self.write(" ", span),
            // Of HTML, a break of the line says something.
            Event::InlineHtml(html) | Event::Html(html) => {
                let tag = html.trim_matches(['<', '>', '/', ' ']);
                self.write(if tag.eq_ignore_ascii_case("br") { " " } else { "" }, span);
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, span: Range<usize>) {
        match tag {
            Tag::Heading { .. } | Tag::TableCell => {
                self.end_of_text();
                self.text = Some((Text { text: String::new(), span }, Vec::new()));
            }
            Tag::CodeBlock(kind) => {
                self.end_of_text();
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{', '\t']).next().unwrap_or_default(),
                    CodeBlockKind::Indented => "",
                };
                self.code = Some(Code { language: language.to_lowercase(), span, ..Code::default() });
            }
            Tag::Table(_) => {
                self.end_of_text();
                self.table = Some(Table { span, ..Table::default() });
            }
            Tag::TableRow => self.table.iter_mut().for_each(|table| table.rows.push(Vec::new())),
            Tag::BlockQuote(_) => {
                self.end_of_text();
                self.quotes += 1;
            }
            Tag::Paragraph | Tag::Item => self.end_of_text(),
            Tag::Link { dest_url, .. } => {
                let links = self.text.get_or_insert_with(|| (Text { text: String::new(), span }, Vec::new()));
                links.1.push(dest_url.into_string());
            }
            Tag::Emphasis | Tag::Strong => self.underscores(&span),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, span: Range<usize>) {
        match tag {
            TagEnd::Heading(_) => {
                if let Some((text, _)) = self.text.take() {
                    self.blocks.push(Block::Heading(trimmed(text)));
                }
            }
            TagEnd::TableCell => {
                if let (Some((text, _)), Some(table)) = (self.text.take(), &mut self.table) {
                    table.rows.last_mut().unwrap_or(&mut table.header).push(trimmed(text));
                }
            }
            TagEnd::Table => self.blocks.extend(self.table.take().map(Block::Table)),
            TagEnd::CodeBlock => self.blocks.extend(self.code.take().map(Block::Code)),
            TagEnd::BlockQuote(_) => {
                self.end_of_text();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::Paragraph | TagEnd::Item => self.end_of_text(),
            TagEnd::Emphasis | TagEnd::Strong => self.underscores(&span),
            _ => {}
        }
    }

    /// In `__init__` the underscores are no marks.
    fn underscores(&mut self, span: &Range<usize>) {
        let marks = self.page.get(span.clone()).unwrap_or_default();
        let count = marks.len() - marks.trim_start_matches('_').len();
        self.write(&marks[..count.min(2)], span.clone());
    }

    fn write(&mut self, text: &str, span: Range<usize>) {
        let (open, _) = self.text.get_or_insert_with(|| (Text { text: String::new(), span: span.clone() }, Vec::new()));
        open.text.push_str(text);
        open.span.end = open.span.end.max(span.end);
    }

    /// A paragraph ends, or what stands in a list without being one.
    fn end_of_text(&mut self) {
        if let Some((text, links)) = self.text.take().filter(|(text, _)| !text.text.trim().is_empty()) {
            self.blocks.push(Block::Paragraph { text: trimmed(text), links, is_quoted: self.quotes > 0 });
        }
    }
}

fn trimmed(text: Text) -> Text {
    Text { text: text.text.trim().to_owned(), ..text }
}
