//! What does an operator hear of callbacks to an address where nobody is?

use crate::{
    inbound::testing::{House, NOW, settings},
    secret::Secret,
    settings::AccountSettings,
};

#[tokio::test]
async fn whoever_took_the_address_of_a_bound_account_for_another_hears_which_it_has() {
    let house = House::new(settings(), Vec::new()).await;
    let platform = AccountSettings {
        id: "platform".into(),
        channel: "open_platform".into(),
        app_id: "wxcomponent00000001".into(),
        app_secret: Secret::new("s3cret"),
        ..settings()
    };
    let bound = AccountSettings {
        id: "scanned".into(),
        app_id: "wx0000000000000009".into(),
        via: "platform".into(),
        app_secret: Secret::default(),
        token: Secret::default(),
        encoding_aes_key: Secret::default(),
        ..settings()
    };
    let applied = house.service.apply(vec![platform, bound], false).await;
    applied.expect("lawful");
    let told = |account: &str, open: bool| {
        let refused = match open {
            true => house.inbound.open_platform(account, NOW, None),
            false => house.inbound.call(account, NOW, None),
        };
        assert_eq!(refused.err().expect("nobody is there").status, 404);
        let strangers = house.observer.refusals.of("");
        strangers.first().expect("told").detail.clone()
    };
    assert_eq!(
        told("platform", false),
        "\"platform\" is an open platform: its addresses are /open/platform/events and /open/platform/message/$APPID$"
    );
    assert_eq!(
        told("scanned", false),
        "\"scanned\" has no address of its own: its callbacks come in at those of \"platform\""
    );
    assert_eq!(
        told("shop", true),
        "\"shop\" is no open platform: its address is /callback/shop"
    );
    assert_eq!(told("nobody", false), "no account \"nobody\" is bound");
}
