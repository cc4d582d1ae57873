//! The open platforms, for the doors.

use async_trait::async_trait;

use crate::{
    accounts::Opened,
    component::{
        Component,
        book::{Authorizer, Standing},
        links::Invitation,
    },
    error::{Code, Fault},
    ports::clock::Millis,
    schema::Timestamp,
    web::needs::{AuthorizerView, OpenPlatforms, SetView},
};

#[async_trait]
impl OpenPlatforms for Component {
    async fn invite(&self, platform: &str, account: &str, expires: Millis) -> Result<Invitation, Fault> {
        Component::invite(self, platform, account, expires).await
    }

    fn authorizers(&self, platform: &str) -> Result<Vec<AuthorizerView>, Fault> {
        let unknown = || Fault::new(Code::NotFound, format!("no open platform {platform}"));
        let opened = self.platform(platform).ok_or_else(unknown)?;
        let all = Component::authorizers(self, platform).into_iter();
        Ok(all
            .map(|(app_id, known, account)| view(&opened, app_id, known, account.as_deref()))
            .collect())
    }
}

fn view(platform: &Opened, app_id: String, known: Authorizer, account: Option<&Opened>) -> AuthorizerView {
    let authority = platform.account.authority();
    let set = |id: &u32| {
        let set = authority?.set(*id);
        Some(SetView {
            id: set.id,
            name_zh: set.name_zh,
            name_en: set.name_en,
            exclusive: set.exclusive,
        })
    };
    let about = known.about.unwrap_or_default();
    AuthorizerView {
        app_id,
        state: match (known.standing, account) {
            (Standing::Revoked, _) => "revoked",
            (Standing::NeedsReauth, _) => "needs_reauth",
            (Standing::Authorized, Some(_)) => "bound",
            (Standing::Authorized, None) => "unclaimed",
        },
        account: account.map(|it| it.settings.id.clone()).unwrap_or_default(),
        name: about.name,
        principal: about.principal,
        channel: about.channel,
        original_id: about.original_id,
        verified: about.verified,
        permission_sets: known.sets.iter().filter_map(set).collect(),
        since: (known.since > 0).then(|| Timestamp::from_millis(known.since)),
    }
}
