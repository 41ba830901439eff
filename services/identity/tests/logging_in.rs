//! The service against a real Postgres: people, codes, tokens, sessions, the setup code.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use chrono::{DateTime, Duration};
use identity::{
    App, CodeExchange, Holder, Identity, IdentityError, IdentitySettings, NewApp, NewPerson,
    PersonState, RegistrationMode, Role, Scopes,
};
use spine::testing::TestSpine;
use spine::{Cause, Clock, Snowflake};

const PASSWORD: &str = "correct horse battery";
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
/// The verifier and its challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Stage {
    test: TestSpine,
    identity: Identity,
}

async fn stage() -> Stage {
    // Its time is moved by hand.
    let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let test = TestSpine::start_with(&[], clock, None).await.unwrap();
    let settings =
        IdentitySettings { registration: RegistrationMode::Closed, password_grant: true };
    let identity = Identity::open(test.spine.clone(), settings).await.unwrap();
    Stage { test, identity }
}

impl Stage {
    async fn person(&self, username: &str) -> Result<Snowflake, IdentityError> {
        self.person_in(username, PersonState::Active).await
    }

    async fn person_in(
        &self,
        username: &str,
        state: PersonState,
    ) -> Result<Snowflake, IdentityError> {
        let account_id = self.test.spine.snowflakes().next();
        let mut tx = self.test.spine.begin(Cause::system()).await?;
        let person = NewPerson {
            account_id,
            username: username.to_owned(),
            email: Some(format!("{username}@mail.example")),
            password: PASSWORD.to_owned(),
            role: Role::Member,
            state,
            reason: String::new(),
            locale: "en".to_owned(),
        };
        self.identity.register_person(&mut tx, person).await?;
        tx.commit().await?;
        Ok(account_id)
    }

    async fn app(&self, name: &str) -> App {
        let new = NewApp {
            name: name.to_owned(),
            website: None,
            redirect_uris: vec![OUT_OF_BAND.to_owned(), "app://back".to_owned()],
            scopes: "read write".to_owned(),
        };
        self.identity.register_app(new).await.unwrap().app
    }

    async fn code(&self, app: &App, account: Snowflake) -> String {
        let request = self
            .identity
            .check_authorization(
                &app.client_id,
                Some(OUT_OF_BAND),
                Some("read"),
                Some(CHALLENGE),
                Some("S256"),
            )
            .await
            .unwrap();
        self.identity.authorize(&request, account).await.unwrap()
    }
}

fn exchange<'a>(code: &'a str, verifier: Option<&'a str>) -> CodeExchange<'a> {
    CodeExchange { code, redirect_uri: OUT_OF_BAND, verifier }
}

#[tokio::test]
async fn a_name_or_address_in_whatever_case_logs_in_and_is_taken_only_once() {
    let stage = stage().await;
    let ada = stage.person("Ada").await.unwrap();
    for login in ["ada", "ADA", "@ada", "ada@MAIL.example"] {
        let person = stage.identity.log_in(login, PASSWORD).await.unwrap();
        assert_eq!(person.account_id, ada);
    }
    assert!(matches!(stage.person("aDA").await, Err(IdentityError::Invalid(_))));
    assert!(matches!(
        stage.identity.log_in("ada", "wrong password").await,
        Err(IdentityError::WrongPassword)
    ));
    assert!(matches!(
        stage.identity.log_in("nobody", PASSWORD).await,
        Err(IdentityError::WrongPassword)
    ));
}

#[tokio::test]
async fn a_code_works_once_for_its_own_app_with_its_own_verifier() {
    let stage = stage().await;
    let ada = stage.person("ada").await.unwrap();
    let (app, other) = (stage.app("One").await, stage.app("Two").await);
    let identity = &stage.identity;

    for (thief, verifier) in [(&other, Some(VERIFIER)), (&app, None), (&app, Some("guess"))] {
        let code = stage.code(&app, ada).await;
        let refused = identity.redeem_code(thief, exchange(&code, verifier)).await;
        assert!(matches!(refused, Err(IdentityError::InvalidGrant)));
        let late = identity.redeem_code(&app, exchange(&code, Some(VERIFIER))).await;
        assert!(matches!(late, Err(IdentityError::InvalidGrant)), "a seen code is used up");
    }

    let code = stage.code(&app, ada).await;
    let token = identity.redeem_code(&app, exchange(&code, Some(VERIFIER))).await.unwrap();
    let grant = identity.authenticate(&token.access_token).await.unwrap().unwrap();
    assert_eq!(grant.holder, Holder::Person(ada));
    assert_eq!(grant.app_name, "One");
    assert!(grant.scopes.allow("read:statuses") && !grant.scopes.allow("write:statuses"));
    let again = identity.redeem_code(&app, exchange(&code, Some(VERIFIER))).await;
    assert!(matches!(again, Err(IdentityError::InvalidGrant)));

    let code = stage.code(&app, ada).await;
    stage.test.clock.advance(Duration::minutes(11));
    let over = identity.redeem_code(&app, exchange(&code, Some(VERIFIER))).await;
    assert!(matches!(over, Err(IdentityError::InvalidGrant)));
}

#[tokio::test]
async fn an_app_gets_only_what_it_registered_and_only_at_its_own_address() {
    let stage = stage().await;
    let app = stage.app("One").await;
    let ask = |redirect: &'static str, scope: &'static str, method: &'static str| {
        let id = app.client_id.clone();
        let identity = stage.identity.clone();
        async move {
            identity
                .check_authorization(
                    &id,
                    Some(redirect),
                    Some(scope),
                    Some(CHALLENGE),
                    Some(method),
                )
                .await
        }
    };
    assert!(ask(OUT_OF_BAND, "read:accounts write", "S256").await.is_ok());
    assert!(matches!(ask(OUT_OF_BAND, "push", "S256").await, Err(IdentityError::InvalidScope)));
    assert!(matches!(
        ask("app://back/elsewhere", "read", "S256").await,
        Err(IdentityError::InvalidRedirect)
    ));
    assert!(matches!(
        ask(OUT_OF_BAND, "read", "plain").await,
        Err(IdentityError::InvalidRequest(_))
    ));
    assert!(matches!(
        stage.identity.verify_client(&app.client_id, "guess").await,
        Err(IdentityError::InvalidClient)
    ));
}

#[tokio::test]
async fn a_new_password_ends_every_token_and_session() {
    let stage = stage().await;
    let ada = stage.person("ada").await.unwrap();
    let app = stage.app("One").await;
    let identity = &stage.identity;
    let token = identity.grant_to_password(&app, "ada", PASSWORD, None).await.unwrap();
    let session = identity.open_session(ada, "a browser").await.unwrap();
    assert!(identity.authenticate(&token.access_token).await.unwrap().is_some());
    assert!(identity.session(&session).await.unwrap().is_some());
    identity.set_password(ada, "another long password").await.unwrap();
    assert!(identity.authenticate(&token.access_token).await.unwrap().is_none());
    assert!(identity.session(&session).await.unwrap().is_none());
    assert!(identity.log_in("ada", PASSWORD).await.is_err());
    assert!(identity.log_in("ada", "another long password").await.is_ok());
}

#[tokio::test]
async fn whoever_is_suspended_gets_in_nowhere() {
    let stage = stage().await;
    let ada = stage.person("ada").await.unwrap();
    let app = stage.app("One").await;
    let token = stage.identity.grant_to_password(&app, "ada", PASSWORD, None).await.unwrap();
    assert!(!stage.identity.restore(ada).await.unwrap(), "nobody suspended them");
    assert!(stage.identity.suspend(ada).await.unwrap());
    assert!(!stage.identity.suspend(ada).await.unwrap());
    assert!(stage.identity.authenticate(&token.access_token).await.unwrap().is_none());
    assert!(matches!(
        stage.identity.log_in("ada", PASSWORD).await,
        Err(IdentityError::NotActive(_))
    ));
    assert!(stage.identity.restore(ada).await.unwrap());
    assert!(stage.identity.log_in("ada", PASSWORD).await.is_ok());
    assert!(
        stage.identity.authenticate(&token.access_token).await.unwrap().is_none(),
        "a revoked token stays revoked"
    );
}

#[tokio::test]
async fn whoever_waits_is_known_by_their_token_and_gets_in_when_they_are_approved() {
    let stage = stage().await;
    let identity = &stage.identity;
    let ada = stage.person_in("ada", PersonState::Pending).await.unwrap();
    let app = stage.app("One").await;
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    let scopes = Scopes::parse("read").unwrap();
    let token = identity.grant_to_registration(&mut tx, &app, ada, scopes).await.unwrap();
    tx.commit().await.unwrap();
    let holder = || async {
        let grant = identity.authenticate(&token.access_token).await.unwrap();
        grant.unwrap().holder
    };
    assert_eq!(holder().await, Holder::Applicant(ada));
    let logged_in = identity.log_in("ada", PASSWORD).await;
    assert!(matches!(logged_in, Err(IdentityError::NotActive(_))));
    assert!(!identity.suspend(ada).await.unwrap() && !identity.restore(ada).await.unwrap());
    assert_eq!(holder().await, Holder::Applicant(ada));

    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    assert!(identity.approve(&mut tx, ada).await.unwrap());
    assert!(!identity.approve(&mut tx, ada).await.unwrap(), "once is enough");
    tx.commit().await.unwrap();
    assert_eq!(holder().await, Holder::Person(ada), "at once, in every process");
    assert!(identity.log_in("ada", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_setup_code_makes_one_owner_and_the_last_printed_code_counts() {
    let stage = stage().await;
    let identity = &stage.identity;
    let old = identity.new_setup_code().await.unwrap().unwrap();
    let code = identity.new_setup_code().await.unwrap().unwrap();
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    assert!(matches!(
        identity.use_setup_code(&mut tx, &old).await,
        Err(IdentityError::WrongSetupCode)
    ));
    identity.use_setup_code(&mut tx, &format!(" {} ", code.to_uppercase())).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    identity.use_setup_code(&mut tx, &code).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = stage.test.spine.begin(Cause::system()).await.unwrap();
    assert!(identity.use_setup_code(&mut tx, &code).await.is_err());
    tx.rollback().await.unwrap();
    stage.person("ada").await.unwrap();
    assert_eq!(identity.new_setup_code().await.unwrap(), None);
}
