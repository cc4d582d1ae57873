//! What did an account's admin tick? The permission sets (权限集) by number, as the platform's pages name them.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/product/offical_account_authority.html>,
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/product/miniprogram_authority.html>. Where a page
//! does not say whether a set is exclusive, it stands here as not exclusive.

use crate::channels::contract::PermissionSet;

const fn set(id: u32, name_zh: &'static str, name_en: &'static str) -> PermissionSet {
    PermissionSet {
        id,
        name_zh,
        name_en,
        exclusive: false,
    }
}

/// Only one open platform at a time may hold it.
const fn only(id: u32, name_zh: &'static str, name_en: &'static str) -> PermissionSet {
    PermissionSet {
        exclusive: true,
        ..set(id, name_zh, name_en)
    }
}

/// By number.
pub static SETS: &[PermissionSet] = &[
    set(1, "消息管理", "messages"),
    set(2, "用户管理", "followers"),
    set(3, "账号服务", "account services: profile, QR codes"),
    only(4, "网页服务", "web pages"),
    set(5, "微信小店", "shop"),
    set(6, "微信多客服", "agents of the platform"),
    set(7, "群发与通知", "mass messages and notices"),
    set(8, "微信卡券", "coupons"),
    set(9, "微信扫一扫", "scanning"),
    set(10, "微信连WIFI", "Wi-Fi"),
    set(11, "素材管理", "media"),
    set(12, "微信摇周边", "shake nearby"),
    set(13, "微信门店", "stores"),
    set(14, "微信支付", "payment"),
    set(15, "菜单管理", "menus"),
    set(16, "获取认证状态", "verification state"),
    set(17, "获取小程序码", "mini-program codes"),
    only(18, "小程序开发与数据分析", "mini-program development and analysis"),
    set(19, "小程序客服管理", "mini-program customer service"),
    set(20, "微信登录", "login"),
    set(21, "数据分析", "analysis"),
    set(22, "城市服务", "city services"),
    set(23, "广告管理", "advertising"),
    only(24, "开放平台账号管理", "open platform account"),
    only(25, "开放平台账号管理", "open platform account (mini-program)"),
    set(26, "微信电子发票", "electronic invoices"),
    set(27, "快速注册小程序", "quick mini-program registration"),
    set(30, "小程序基本信息管理", "mini-program profile"),
    set(31, "小程序认证名称检测", "mini-program name check"),
    set(33, "小程序关联管理", "linked mini-programs"),
    only(34, "微信商品库管理", "product library"),
    set(35, "微信卡路里", "calories"),
    set(36, "微信卡路里", "calories (mini-program)"),
    set(37, "附近的小程序管理", "mini-programs nearby"),
    only(40, "小程序插件管理", "mini-program plug-ins"),
    only(41, "好物圈管理", "recommendations (mini-program)"),
    set(44, "好物圈", "recommendations"),
    only(45, "微信物流服务", "logistics"),
    set(46, "微信一物一码", "item codes"),
    set(47, "微信财政电子票据", "fiscal receipts"),
    set(48, "微信财政电子票据管理", "fiscal receipts (mini-program)"),
    only(49, "小程序云开发管理", "mini-program cloud development"),
    only(51, "小程序即时配送", "instant delivery"),
    set(52, "小程序直播管理", "live broadcasts"),
    only(54, "服务号对话管理", "service account conversations"),
    set(57, "页面推送", "page push"),
    set(65, "小程序广告管理", "mini-program advertising"),
    set(66, "微信服务市场管理", "service market"),
    set(67, "微信服务市场管理", "service market (mini-program)"),
    set(70, "标准版交易组件商品管理", "trade component: products"),
    set(
        71,
        "标准版交易组件订单物流与售后管理",
        "trade component: orders, logistics, after-sales",
    ),
    only(73, "标准版交易组件接入", "trade component: access"),
    only(76, "小程序违规与交易投诉管理", "violations and trade complaints"),
    only(81, "试用小程序快速认证", "quick verification of trial mini-programs"),
    set(84, "标准版交易组件优惠券管理", "trade component: coupons"),
    set(85, "自定义版交易组件", "custom trade component"),
    set(88, "小程序链接", "mini-program links"),
    set(89, "服务号订阅通知", "subscription notices"),
    set(93, "联盟", "alliance"),
    set(99, "云开发短信", "cloud development SMS"),
    set(105, "城市服务", "city services (mini-program)"),
    set(113, "就医助手", "medical assistant"),
    set(116, "自定义组件数据", "custom component data"),
    set(118, "硬件服务", "hardware services"),
    set(119, "支付管理", "payment (mini-program)"),
    set(120, "购物订单", "shopping orders"),
    set(129, "视频号小店商品", "channels shop: products"),
    set(130, "视频号小店物流", "channels shop: logistics"),
    set(131, "视频号小店订单与售后", "channels shop: orders and after-sales"),
    set(132, "视频号小店优惠券", "channels shop: coupons"),
    set(135, "流量主代运营", "traffic operation"),
    set(139, "运费险", "freight insurance"),
    set(142, "发货管理", "shipping"),
    set(144, "学生认证", "student verification"),
    set(151, "交易保障", "trade guarantee"),
    set(157, "虚拟支付", "virtual payment"),
    set(161, "微信客服管理", "WeChat customer service binding"),
    set(171, "小程序消息推送调试", "message-push debugging (mini-programs)"),
    set(172, "公众号消息推送调试", "message-push debugging (official accounts)"),
    set(173, "小游戏消息推送调试", "message-push debugging (mini games)"),
    set(174, "视频号消息推送调试", "message-push debugging (channels)"),
];

/// The set of this number; without names where no page has it.
pub fn named(id: u32) -> PermissionSet {
    let found = SETS.binary_search_by_key(&id, |set| set.id).ok();
    found.and_then(|at| SETS.get(at)).copied().unwrap_or(set(id, "", ""))
}

/// The sets without which an account of this channel neither hears nor answers.
pub fn needed(channel: &str) -> &'static [u32] {
    match channel {
        "official_account" => &[1],
        "mini_program" => &[19],
        _ => &[],
    }
}
