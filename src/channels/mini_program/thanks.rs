//! Which pushes want more than `success` for an answer?
//!
//! Those of virtual payment: an object that says whether it was taken, in the language of the push. Told once the push is
//! durable here; anything else makes the platform push again.
//! <https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/industry/virtual-payment.html>

use crate::envelope::{self, Format};

/// How the names of these events begin.
const PAYMENT: &str = "xpay_";

/// The answer that a push wants; `None` where it is `success`.
pub fn thanks(push: &[u8]) -> Option<Vec<u8>> {
    // Few pushes are of this kind: the others are not read a second time.
    let perhaps = push
        .windows(PAYMENT.len())
        .any(|at| at.eq_ignore_ascii_case(PAYMENT.as_bytes()));
    let fields = perhaps.then(|| envelope::parse(push).ok()).flatten()?;
    let is = |name: &str, start: &str| {
        let value = fields.value(name).trim();
        value
            .get(..start.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(start))
    };
    (is("MsgType", "event") && is("Event", PAYMENT)).then(|| match Format::of(push) {
        Some(Format::Json) => br#"{"ErrCode":0,"ErrMsg":"Success"}"#.to_vec(),
        _ => b"<xml><ErrCode>0</ErrCode><ErrMsg><![CDATA[Success]]></ErrMsg></xml>".to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_acknowledged_in_the_language_of_its_push_and_nothing_else_is() {
        let said = |push: &str| thanks(push.as_bytes()).map(|it| String::from_utf8(it).expect("text"));
        let json = r#"{"MsgType":"event","Event":"xpay_goods_deliver_notify","OutTradeNo":"t-1"}"#;
        assert_eq!(said(json).as_deref(), Some(r#"{"ErrCode":0,"ErrMsg":"Success"}"#));
        let xml = "<xml><MsgType>event</MsgType><Event><![CDATA[xpay_refund_notify]]></Event></xml>";
        assert_eq!(
            said(xml).as_deref(),
            Some("<xml><ErrCode>0</ErrCode><ErrMsg><![CDATA[Success]]></ErrMsg></xml>")
        );
        for other in [
            "<xml><MsgType>text</MsgType><Content>xpay_goods_deliver_notify</Content></xml>",
            "<xml><MsgType>text</MsgType><Event>xpay_a</Event></xml>",
            "<xml><MsgType>event</MsgType><Event>add_waybill</Event><Note>xpay_</Note></xml>",
            "xpay_",
            "",
        ] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
