//! Which of the operator's entries does a mini-program need?

use crate::channels::{
    common::settings::{VIA, Wants},
    contract::Field,
};

/// What the operator enters, in the order of the platform's console (开发管理 → 开发设置, then 消息推送).
pub static FIELDS: &[Field] = &[
    Field {
        name: "app_id",
        secret: false,
        required: true,
        help_en: "AppID (小程序ID), wx followed by 16 characters",
        help_zh: "AppID（小程序ID），以 wx 开头",
    },
    Field {
        name: "app_secret",
        secret: true,
        required: true,
        help_en: "AppSecret, for the customer-service API: a mini-program has no other way to answer",
        help_zh: "AppSecret（小程序密钥），用于调用客服接口：小程序只能通过接口回复",
    },
    Field {
        name: "token",
        secret: true,
        required: true,
        help_en: "Token of the message push (消息推送), 3 to 32 letters and digits",
        help_zh: "消息推送的Token（令牌），3 到 32 位字母或数字",
    },
    Field {
        name: "encoding_aes_key",
        secret: true,
        required: true,
        help_en: "EncodingAESKey of the message push, 43 characters; may be left out with security = \"plain\"",
        help_zh: "消息推送的EncodingAESKey（消息加密密钥），43 位；security = \"plain\" 时可不填",
    },
    Field {
        name: "original_id",
        secret: false,
        required: false,
        help_en: "original id gh_…; when given, callbacks for any other receiver are set aside",
        help_zh: "原始ID（gh_…）；填写后，发给其他账号的回调会被隔离",
    },
    VIA,
];

pub static WANTS: Wants = Wants {
    noun: "a mini-program",
    console: "开发管理 → 开发设置",
    fields: FIELDS,
};
