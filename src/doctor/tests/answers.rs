//! What does the ledger of our answers prove?

use super::*;

#[tokio::test]
async fn a_ledger_of_many_callbacks_is_read_at_a_glance() {
    let house = House::new().await;
    house.bind();
    for ms in 0..1_204 {
        let slow = if ms == 7 { 412.0 } else { 3.0 };
        house
            .state
            .observer
            .callback_answered("shop", "official_account", "success", slow, None);
    }
    let findings = look(&house, Lang::En).await;
    let found = find(&findings, "answers");
    assert_eq!(
        found.seen,
        "all 1,204 callbacks of the last hour answered, slowest 412 ms"
    );
    assert!(found.means.contains("another grantee") && found.place.contains("授权管理"));
    // Whom we refuse sees the notice for our sake.
    let observer = &house.state.observer;
    observer.callback_answered("shop", "official_account", "refused", 3.0, None);
    observer.callback_answered("shop", "official_account", "echostr", 3.0, None);
    let found = look(&house, Lang::En).await;
    let found = find(&found, "answers");
    assert_eq!(
        (found.seen.as_str(), found.means.as_str()),
        (
            "all 1,205 callbacks of the last hour answered, 1 of them with a refusal, slowest 412 ms",
            ""
        )
    );
}
