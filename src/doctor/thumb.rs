//! Is the picture there that an account gives to cards and videos that have none? Its absence is met only by a send.

use super::{Doctor, Draft, Level, said};
use crate::{accounts::Opened, web::needs::Kept};

impl Doctor {
    pub(super) async fn thumb(&self, opened: &Opened) -> Option<Draft> {
        let handle = &opened.settings.default_thumb;
        if handle.is_empty() {
            return None;
        }
        // A store that does not answer has a finding of its own.
        if !matches!(self.shelf.get(handle).await, Ok(Kept::Nothing)) {
            return None;
        }
        let seen = said(
            format!("default_thumb names a file that is not here: {handle}"),
            format!("default_thumb 指定的文件不存在：{handle}"),
        );
        let act = said(
            "upload the picture (POST /v1/media), write its handle into the accounts file and apply it",
            "上传封面图片（POST /v1/media），将返回的句柄填入账号文件后重新 apply",
        );
        Some(
            Draft::new("settings", Level::Yellow, seen)
                .means(
                    "cards and videos that bring no thumbnail of their own do not go as such",
                    "未自带封面的卡片和视频无法按原样发送",
                )
                .act(act)
                .place("in the accounts file", "在账号文件中"),
        )
    }
}
