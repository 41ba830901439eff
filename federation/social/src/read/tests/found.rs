//! Search, threads, versions, hashtags, lists, the instance.

use super::Node;
use crate::read::{AccountFilter, Page, SearchKind, SearchQuery};
use crate::{ListId, SocialError, Visibility};

fn query(text: &str) -> SearchQuery {
    SearchQuery { q: text.into(), ..SearchQuery::default() }
}

#[tokio::test]
async fn accounts_are_found_by_handle_prefix_and_name() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let alice = node.account("alice", Some("far.example")).await;
    let alicia = node.account("alicia", None).await;
    node.run(
        "UPDATE social.account SET display_name = 'Wonderland 100%' WHERE id = $1",
        &[alice.number()],
    )
    .await;
    let search = async |text: &str| -> Vec<_> {
        let found = node.social.search_accounts(Some(me), &query(text)).await.unwrap();
        found.iter().map(|account| account.id).collect()
    };
    assert_eq!(search("ali").await, [alicia, alice]);
    assert_eq!(search("alice").await, [alice, alicia], "the exact name first");
    assert_eq!(search("@alice@far.example").await, [alice]);
    assert_eq!(search("alice@far").await, [alice]);
    assert_eq!(search("alicia@here.example").await, [alicia]);
    assert_eq!(search("wonderlnd").await, [alice], "a slip of the finger");
    assert_eq!(search("%").await, [alice], "a sign like any other");
    assert_eq!(search("nobody").await, []);
    node.follow(me, alice).await;
    assert_eq!(search("ali").await, [alice, alicia], "follows first");
    let followed = SearchQuery { following: true, ..query("ali") };
    let found = node.social.search_accounts(Some(me), &followed).await.unwrap();
    assert_eq!(found.len(), 1);
    node.block(me, alicia).await;
    assert_eq!(search("ali").await, [alice]);
}

#[tokio::test]
async fn posts_are_found_only_by_those_who_may_find_them() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let shy = node.account("shy", Some("far.example")).await;
    let open = node.account("open", Some("far.example")).await;
    node.run("UPDATE social.account SET indexable = true WHERE id = $1", &[open.number()]).await;
    let write = async |author, visibility, text: &str| {
        node.write(author, visibility, None, None, text).await
    };
    let mine = write(me, Visibility::Direct, "about apples").await;
    let unmarked = write(shy, Visibility::Public, "shy apples").await;
    let marked = write(shy, Visibility::Public, "sweet apples").await;
    node.favourite(me, marked).await;
    let public =
        write(open, Visibility::Public, "open <b>apples</b> <a href='https://pears.example'>x</a>")
            .await;
    let unlisted = write(open, Visibility::Unlisted, "hidden apples").await;
    let secret = write(open, Visibility::Direct, "secret apples").await;
    let search = async |viewer, text: &str| -> Vec<_> {
        let found = node.social.search(viewer, &query(text)).await.unwrap();
        found.statuses.iter().map(|status| status.id()).collect()
    };
    assert_eq!(search(Some(me), "apples").await, [public, marked, mine]);
    assert_eq!(search(Some(me), "apples -sweet").await, [public, mine]);
    assert_eq!(search(Some(me), "apples from:me").await, [mine]);
    assert_eq!(search(Some(me), "apples from:nobody").await, []);
    assert_eq!(search(Some(me), "pears").await, [], "addresses are not text");
    assert_eq!(search(None, "apples").await, [], "strangers find no posts");
    node.mention(secret, me).await;
    assert_eq!(search(Some(me), "secret").await, [secret]);
    let uri = format!("https://here.example/posts/{unlisted}");
    assert_eq!(search(Some(me), &uri).await, [unlisted], "whoever has the address may read");
    assert_eq!(search(Some(me), &uri.replace(&unlisted.to_string(), "1")).await, []);
    assert!(node.social.status(None, unmarked).await.is_ok());
}

#[tokio::test]
async fn posts_and_accounts_are_found_by_the_addresses_of_their_pages() {
    let node = Node::start().await;
    let (me, friend) = (node.account("me", None).await, node.account("friend", None).await);
    let far = node.account("far", Some("far.example")).await;
    let pretender = node.account("pretender", Some("evil.example")).await;
    node.run(
        "UPDATE social.account SET url = 'https://far.example/@far' WHERE id IN ($1, $2)",
        &[far.number(), pretender.number()],
    )
    .await;
    let write = async |author, visibility| node.write(author, visibility, None, None, "x").await;
    let mine = write(me, Visibility::Unlisted).await;
    let secret = write(me, Visibility::Direct).await;
    let theirs = write(far, Visibility::Public).await;
    let private = write(far, Visibility::Private).await;
    let numeric = write(far, Visibility::Public).await;
    for post in [theirs, private, numeric] {
        node.run(
            "UPDATE social.post SET uri = 'https://far.example/users/far/statuses/' || id,
                                    url = 'https://far.example/@far/' || id WHERE id = $1",
            &[post.number()],
        )
        .await;
    }
    let search = async |viewer, address: &str| -> (Vec<_>, Vec<_>) {
        let found = node.social.search(viewer, &query(address)).await.unwrap();
        let posts = found.statuses.iter().map(|status| status.id()).collect();
        (posts, found.accounts.iter().map(|account| account.id).collect())
    };
    let none = (vec![], vec![]);
    let here = |page: &str, post| format!("https://here.example/{page}/{post}");
    assert_eq!(search(None, &here("@me", mine)).await, (vec![mine], vec![]));
    assert_eq!(search(None, &here("@ME", mine)).await, (vec![mine], vec![]));
    assert_eq!(search(None, &here("@far@far.example", theirs)).await, (vec![theirs], vec![]));
    assert_eq!(search(None, &here("@friend", mine)).await, none);
    assert_eq!(search(Some(friend), &here("@me", secret)).await, none, "not for this reader");
    assert_eq!(search(Some(me), &here("@me", secret)).await, (vec![secret], vec![]));
    assert_eq!(search(None, "https://here.example/@me/").await, (vec![], vec![me]));
    assert_eq!(search(None, "https://here.example/@nobody").await, none);

    let there = |post| format!("https://far.example/@far/{post}");
    assert_eq!(search(None, &there(theirs)).await, (vec![theirs], vec![]));
    assert_eq!(search(Some(me), &there(private)).await, none, "for followers alone");
    node.follow(me, far).await;
    assert_eq!(search(Some(me), &there(private)).await, (vec![private], vec![]));
    assert_eq!(search(None, "https://far.example/@far").await, (vec![], vec![far]));
    // What names its author as Mastodon's newest servers do.
    node.run(
        "UPDATE social.account SET uri = 'https://far.example/ap/users/9' WHERE id = $1",
        &[far.number()],
    )
    .await;
    node.run(
        "UPDATE social.post SET uri = 'https://far.example/ap/users/9/statuses/' || id WHERE id = $1",
        &[numeric.number()],
    )
    .await;
    assert_eq!(search(None, &there(numeric)).await, (vec![numeric], vec![]));
}

#[tokio::test]
async fn hashtags_are_found_by_their_beginning() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    for name in ["rust", "rustlang", "rustlang", "go"] {
        let post = node.post(me, Visibility::Public).await;
        node.tag(post, name).await;
    }
    let search = SearchQuery { kind: Some(SearchKind::Hashtags), ..query("#Rus") };
    let found = node.social.search(Some(me), &search).await.unwrap().hashtags;
    assert_eq!(found.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["rustlang", "rust"]);
    assert_eq!(found[0].history.len(), 7);
    assert_eq!(
        (found[0].history[0].uses.as_str(), found[0].history[0].accounts.as_str()),
        ("2", "1")
    );
    assert_eq!(found[0].following, Some(false));
    let unknown = node.social.tag_info(None, "Über Tag").await.unwrap();
    assert_eq!(unknown.url, "https://here.example/tags/%C3%BCber+tag");
    assert_eq!(unknown.following, None);
}

#[tokio::test]
async fn a_thread_is_read_from_its_first_post_to_its_last() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let troll = node.account("troll", None).await;
    let reply =
        async |author, to| node.write(author, Visibility::Public, None, Some(to), "re").await;
    let root = node.post(me, Visibility::Public).await;
    let first = reply(other, root).await;
    let second = reply(me, root).await;
    let nested = reply(me, first).await;
    let hidden = reply(troll, nested).await;
    let below = reply(me, hidden).await;
    node.block(me, troll).await;
    let ids = |statuses: &[crate::read::entities::Status]| -> Vec<_> {
        statuses.iter().map(|status| status.id()).collect()
    };
    let context = node.social.context(Some(me), root).await.unwrap();
    assert_eq!(
        ids(&context.descendants),
        [second, first, nested, below],
        "what the author added goes first"
    );
    let context = node.social.context(Some(me), below).await.unwrap();
    assert_eq!(ids(&context.ancestors), [root, first, nested]);
    assert_eq!(ids(&node.social.context(None, nested).await.unwrap().descendants), [hidden, below]);
}

#[tokio::test]
async fn versions_are_kept_with_their_attachments() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let post = node.post(me, Visibility::Public).await;
    node.run(
        "INSERT INTO social.media (id, account_id, post_id, kind, content_type, path, created_at)
         VALUES ($1, $2, $3, 'image', 'image/jpeg', 'ab/cd.jpg', now())",
        &[node.number(), me.number(), post.number()],
    )
    .await;
    node.run(
        "INSERT INTO social.post_edit (post_id, version, content_html, spoiler_text, sensitive,
                                       media, poll_options, created_at)
         SELECT id, 1, 'old', '', false,
                (SELECT jsonb_agg(to_jsonb(m)) FROM social.media m WHERE m.post_id = p.id),
                '[\"yes\"]', created_at
           FROM social.post p WHERE id = $1",
        &[post.number()],
    )
    .await;
    let history = node.social.status_history(None, post).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].content, "old");
    let url = history[0].media_attachments[0].url.as_deref();
    assert_eq!(url, Some("https://here.example/media/ab/cd.jpg"));
    assert_eq!(history[0].poll.as_ref().unwrap().options[0].title, "yes");
    assert_eq!(history[1].content, "<p>hello</p>");
    assert!(history[1].poll.is_none());
    assert_eq!(node.social.status_source(me, post).await.unwrap().text, "hello");
    let other = node.account("other", None).await;
    assert!(matches!(node.social.status_source(other, post).await, Err(SocialError::NotFound)));
}

#[tokio::test]
async fn a_list_shows_its_members() {
    let node = Node::start().await;
    let (me, friend) = (node.account("me", None).await, node.account("friend", None).await);
    let stranger = node.account("stranger", None).await;
    let list = ListId::from_number(node.number());
    node.run(
        "INSERT INTO social.list (id, account_id, title) VALUES ($1, $2, 'Friends')",
        &[list.number(), me.number()],
    )
    .await;
    node.run(
        "INSERT INTO social.list_member (list_id, account_id) VALUES ($1, $2)",
        &[list.number(), friend.number()],
    )
    .await;
    let shown = node.post(friend, Visibility::Public).await;
    let root = node.post(stranger, Visibility::Public).await;
    node.write(friend, Visibility::Public, None, Some(root), "to a stranger").await;
    let own = node.write(friend, Visibility::Public, None, Some(shown), "to itself").await;
    node.post(friend, Visibility::Private).await;
    let page = node.social.list_timeline(me, list, &Page::default()).await.unwrap();
    assert_eq!(page.items.iter().map(|s| s.id()).collect::<Vec<_>>(), [own, shown]);
    assert_eq!(
        node.social.list_accounts(me, list, &Page::default()).await.unwrap().items[0].id,
        friend
    );
    assert_eq!(node.social.lists_with(me, friend).await.unwrap().len(), 1);
    assert!(matches!(
        node.social.list_timeline(friend, list, &Page::default()).await,
        Err(SocialError::NotFound)
    ));
}

#[tokio::test]
async fn profiles_are_filtered_as_asked() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let root = node.post(other, Visibility::Public).await;
    let plain = node.post(me, Visibility::Public).await;
    let reply = node.write(me, Visibility::Public, None, Some(root), "re").await;
    let own = node.write(me, Visibility::Public, None, Some(plain), "thread").await;
    let boost = node.boost(me, root).await;
    node.tag(plain, "tag").await;
    node.run(
        "INSERT INTO social.pin (id, account_id, post_id, created_at) VALUES ($1, $2, $3, now())",
        &[node.number(), me.number(), plain.number()],
    )
    .await;
    let posts = async |filter: AccountFilter| -> Vec<_> {
        let page = node.social.account_statuses(None, me, &filter, &Page::default()).await.unwrap();
        page.items.iter().map(|status| status.id()).collect()
    };
    assert_eq!(posts(AccountFilter::default()).await, [boost, own, reply, plain]);
    let filter = AccountFilter { exclude_replies: true, ..AccountFilter::default() };
    assert_eq!(posts(filter).await, [boost, own, plain]);
    let filter = AccountFilter { exclude_reblogs: true, ..AccountFilter::default() };
    assert_eq!(posts(filter).await, [own, reply, plain]);
    let filter = AccountFilter { pinned: true, ..AccountFilter::default() };
    assert_eq!(posts(filter).await, [plain]);
    let filter = AccountFilter { tagged: Some("Tag".into()), ..AccountFilter::default() };
    assert_eq!(posts(filter).await, [plain]);
    let filter = AccountFilter { only_media: true, ..AccountFilter::default() };
    assert_eq!(posts(filter).await, []);
}

#[tokio::test]
async fn a_limit_of_zero_gives_all_members_of_a_list_on_one_page() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    let list = ListId::from_number(node.number());
    node.run(
        "INSERT INTO social.list (id, account_id, title) VALUES ($1, $2, 'Many')",
        &[list.number(), me.number()],
    )
    .await;
    for number in 0..85 {
        let member = node.account(&format!("member{number}"), None).await;
        node.run(
            "INSERT INTO social.list_member (list_id, account_id) VALUES ($1, $2)",
            &[list.number(), member.number()],
        )
        .await;
    }
    let members = async |limit| {
        let page = Page { limit, ..Page::default() };
        let page = node.social.list_accounts(me, list, &page).await.unwrap();
        (page.items.len(), page.next.is_some(), page.prev.is_some())
    };
    assert_eq!(members(Some(0)).await, (85, false, false));
    assert_eq!(members(None).await, (40, true, true));
    assert_eq!(members(Some(1_000)).await, (80, true, true));
}

#[tokio::test]
async fn conversations_are_the_threads_that_one_takes_part_in() {
    let node = Node::start().await;
    let (me, other) = (node.account("me", None).await, node.account("other", None).await);
    let third = node.account("third", None).await;
    let first = node.post(me, Visibility::Direct).await;
    node.mention(first, other).await;
    let answer = node.write(other, Visibility::Direct, None, Some(first), "re").await;
    node.mention(answer, me).await;
    let foreign = node.post(other, Visibility::Direct).await;
    node.mention(foreign, third).await;
    let page = node.social.conversations(me, &Page::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].id, first);
    assert_eq!(page.items[0].last_status.id(), answer);
    assert_eq!(page.items[0].accounts.iter().map(|a| a.id).collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn the_instance_counts_people_posts_and_servers() {
    let node = Node::start().await;
    let me = node.account("me", None).await;
    node.account("far", Some("far.example")).await;
    node.post(me, Visibility::Public).await;
    node.run(
        "UPDATE social.account SET statuses_count = 1, last_status_at = created_at WHERE id = $1",
        &[me.number()],
    )
    .await;
    let v1 = node.social.instance_v1().await.unwrap();
    assert_eq!((v1.stats.user_count, v1.stats.status_count, v1.stats.domain_count), (1, 1, 1));
    let v2 = node.social.instance_v2().await.unwrap();
    assert_eq!(v2.usage.users.active_month, 1);
    assert_eq!(v2.configuration.urls.streaming, "wss://here.example");
    assert_eq!(v2.contact.account.unwrap().id, me);
    assert_eq!(node.social.instance_peers().await.unwrap(), ["far.example"]);
    let weeks = node.social.activity().await.unwrap();
    assert_eq!(weeks.len(), 12);
    assert_eq!((weeks[0].statuses.as_str(), weeks[0].registrations.as_str()), ("1", "1"));
}
