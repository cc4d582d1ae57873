//! The official account (公众号: 订阅号 and 服务号). How do the parts below fit together?

pub mod codes;
pub mod degrade;
pub mod judge;
pub mod limits;
pub mod render;
pub mod tokens;

use std::sync::Arc;

use super::contract::{Account, Card, Channel, SettingFault};
use crate::settings::AccountSettings;

pub struct OfficialAccount;
pub static CHANNEL: OfficialAccount = OfficialAccount;

impl Channel for OfficialAccount {
    fn card(&self) -> &'static Card {
        &Card {
            name: "official_account",
            title_en: "Official account",
            title_zh: "公众号",
            doc_url: "https://developers.weixin.qq.com/doc/subscription/guide/",
            fields: &[],
            channel_code: 1,
        }
    }

    fn open(&self, _settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        Err(Vec::new())
    }
}
