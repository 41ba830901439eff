//! The pages, one struct each.

use askama::Template;

/// What every page shows around its own content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The node's name.
    pub node: String,
    /// Its host, as it appears in handles.
    pub domain: String,
    /// The user name of whoever is signed in.
    pub signed_in: Option<String>,
}

/// The front page of a node that has people.
#[derive(Template)]
#[template(path = "home.html")]
pub struct Home {
    /// Around it.
    pub frame: Frame,
    /// What the node is, in the operator's words.
    pub description: String,
    /// How many people live here.
    pub people: i64,
    /// How many posts they wrote.
    pub posts: i64,
    /// Whether new people may join (open or by approval).
    pub registrations: bool,
    /// The newest public posts of the node.
    pub latest: Vec<Post>,
}

/// The front page of a new node: makes the owner's account.
#[derive(Template)]
#[template(path = "setup.html")]
pub struct Setup {
    /// Around it.
    pub frame: Frame,
    /// What was wrong with the last try.
    pub problem: Option<String>,
    /// The user name as typed.
    pub username: String,
    /// The name for people as typed.
    pub display_name: String,
}

/// After the owner's account was made, and whenever someone has signed in.
#[derive(Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// Around it.
    pub frame: Frame,
    /// The user name.
    pub username: String,
    /// Whether the account was made a moment ago.
    pub is_new: bool,
    /// Protects the sign-out form.
    pub csrf: String,
}

/// Asks for name and password.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// Around it.
    pub frame: Frame,
    /// What was wrong with the last try.
    pub problem: Option<String>,
    /// The name as typed.
    pub login: String,
    /// Where to go afterwards: a path of this node.
    pub next: String,
    /// The app that sent the person here.
    pub app: Option<String>,
}

/// Asks a signed-in person whether an app may act for them.
#[derive(Template)]
#[template(path = "authorize.html")]
pub struct Authorize {
    /// Around it.
    pub frame: Frame,
    /// The app's name.
    pub app: String,
    /// Its home page.
    pub website: Option<String>,
    /// The user name that it would act for.
    pub username: String,
    /// What it could do, in plain words.
    pub abilities: Vec<&'static str>,
    /// The parameters of the request, carried through the form.
    pub parameters: Vec<(String, String)>,
    /// Protects the form.
    pub csrf: String,
}

/// Shows an authorization code to be typed into an app.
#[derive(Template)]
#[template(path = "code.html")]
pub struct Code {
    /// Around it.
    pub frame: Frame,
    /// The app's name.
    pub app: String,
    /// The code.
    pub code: String,
}

/// A post as pages show it.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its page.
    pub url: String,
    /// The author's name for people.
    pub author: String,
    /// The author's handle.
    pub handle: String,
    /// The author's page.
    pub author_url: String,
    /// The author's picture.
    pub avatar: String,
    /// Its text: cleaned HTML.
    pub content_html: String,
    /// Its warning, empty for none.
    pub spoiler: String,
    /// When it was written, RFC 3339.
    pub time: String,
    /// When it was written, for people.
    pub time_text: String,
    /// Its pictures: address and description.
    pub pictures: Vec<(String, String)>,
}

/// The public page of an account.
#[derive(Template)]
#[template(path = "profile.html")]
pub struct Profile {
    /// Around it.
    pub frame: Frame,
    /// The name for people.
    pub name: String,
    /// `@user@host`.
    pub handle: String,
    /// The picture.
    pub avatar: String,
    /// The wide picture.
    pub header: String,
    /// About the person: cleaned HTML.
    pub note_html: String,
    /// Fields: name and cleaned HTML.
    pub fields: Vec<(String, String)>,
    /// Posts, followed, followers.
    pub counts: (i64, i64, i64),
    /// The ActivityPub document's address.
    pub uri: String,
    /// Public posts, newest first.
    pub posts: Vec<Post>,
}

/// The public page of a post.
#[derive(Template)]
#[template(path = "post.html")]
pub struct PostPage {
    /// Around it.
    pub frame: Frame,
    /// The ActivityPub document's address.
    pub uri: String,
    /// The post.
    pub post: Post,
    /// What it answers, oldest first.
    pub before: Vec<Post>,
    /// Answers.
    pub after: Vec<Post>,
}

/// The public page of a hashtag.
#[derive(Template)]
#[template(path = "hashtag.html")]
pub struct Hashtag {
    /// Around it.
    pub frame: Frame,
    /// Its name, without `#`.
    pub name: String,
    /// Public posts of the node's people, newest first.
    pub posts: Vec<Post>,
}

/// What the node is, and where the source of what runs on it is.
#[derive(Template)]
#[template(path = "about.html")]
pub struct About {
    /// Around it.
    pub frame: Frame,
    /// What the node is, in the operator's words.
    pub description: String,
    /// The program's version.
    pub version: &'static str,
    /// Where its source is, where the operator said so.
    pub source_url: Option<String>,
    /// Where to write to the node's people; may be empty.
    pub contact_email: String,
}

/// Something did not work.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// Around it.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub title: String,
    /// What to do now.
    pub advice: String,
}

/// Something worked.
#[derive(Template)]
#[template(path = "done.html")]
pub struct Done {
    /// Around it.
    pub frame: Frame,
    /// What was done.
    pub title: String,
    /// What follows.
    pub text: String,
}
