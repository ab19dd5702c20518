//! The parts of a mailbox: the nodes of EMAIL2 and of ActiveSync.

use crate::platform::translate::account::{Known, no_effect, only, refused, translated};

const CHOICE: &str = "a description of a mail provider has no such setting; Thunderbird's user chooses";
const PASSWORD: &str = "no password is stored; the user signs in";
const OTHERS: &str = "calendars and address books are not supported";

/// The nodes of EMAIL2.
pub const MAILBOX: &[Known] = &[
    translated("SERVICENAME"),
    translated("SERVICETYPE"),
    no_effect("NAME", "Thunderbird asks its user for the name that others see"),
    translated("REPLYADDR"),
    translated("AUTHNAME"),
    no_effect("AUTHSECRET", PASSWORD),
    translated("AUTHREQUIRED"),
    translated("DOMAIN"),
    translated("INSERVER"),
    translated("OUTSERVER"),
    translated("TAGPROPS/8128000B"),
    translated("TAGPROPS/812C000B"),
    translated("SMTPALTENABLED"),
    translated("SMTPALTAUTHNAME"),
    translated("SMTPALTDOMAIN"),
    no_effect("SMTPALTPASSWORD", PASSWORD),
    no_effect("ACCOUNTICON", "Thunderbird has no icons of accounts"),
    only("ACCOUNTTYPE", &["Email", ""], "visual voice mail is not supported"),
    no_effect("DWNDAY", CHOICE),
    no_effect("KEEPMAX", CHOICE),
    no_effect("LINGER", CHOICE),
    no_effect("RETRIEVE", CHOICE),
    no_effect("SERVERDELETEACTION", CHOICE),
    no_effect("CELLULARONLY", CHOICE),
    no_effect("SYNCINGCONTENTTYPES", CHOICE),
    refused("CONTACTSSERVER", OTHERS),
    refused("CALENDARSERVER", OTHERS),
    refused("CONTACTSSERVERREQUIRESSL", OTHERS),
    refused("CALENDARSERVERREQUIRESSL", OTHERS),
    refused("CONTACTSSYNCSCHEDULE", OTHERS),
    refused("CALENDARSYNCSCHEDULE", OTHERS),
];

/// The nodes of an account of ActiveSync.
pub const EXCHANGE: &[Known] = &[
    translated("AccountName"),
    translated("EmailAddress"),
    translated("Domain"),
    translated("ServerName"),
    translated("UserName"),
    no_effect("Password", PASSWORD),
    no_effect("AccountIcon", "Thunderbird has no icons of accounts"),
    no_effect("AccountType", "it has one value only"),
    translated("Options/UseSSL"),
    no_effect("Options/CalendarAgeFilter", CHOICE),
    no_effect("Options/Logging", CHOICE),
    no_effect("Options/MailBodyType", CHOICE),
    no_effect("Options/MailHTMLTruncation", CHOICE),
    no_effect("Options/MailPlainTextTruncation", CHOICE),
    no_effect("Options/MailAgeFilter", CHOICE),
    no_effect("Options/Schedule", CHOICE),
    no_effect("Options/ContentTypes/<>/Enabled", CHOICE),
    no_effect("Options/ContentTypes/<>/Name", CHOICE),
    refused("Policies/...", "limits that a user cannot lift are not supported for mail"),
];
