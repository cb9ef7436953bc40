//! The texts of the mails, from the templates in `templates/`.

use askama::Template;
use waybill::BoxError;
use waybill::app::{Mail, MailOrder, WriteMail};
use waybill::domain::Status;

/// The longest name that a mail greets.
const LONGEST_GREETED: usize = 60;

/// Writes mails from the templates.
pub(crate) struct Templates;

#[derive(Template)]
#[template(path = "subject.txt")]
struct Subject<'a> {
    status: Status,
    number: &'a str,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a> {
    status: Status,
    number: &'a str,
    greeted: Option<&'a str>,
    order: &'a MailOrder,
}

/// The same. What it takes from the order is escaped.
#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    status: Status,
    number: &'a str,
    greeted: Option<&'a str>,
    order: &'a MailOrder,
}

impl WriteMail for Templates {
    async fn write(&self, status: Status, order: &MailOrder) -> Result<Mail, BoxError> {
        let (number, greeted) = (order.number.as_str(), greeted(&order.customer_name));
        let subject = Subject { status, number }.render()?;
        let text = Text { status, number, greeted, order }.render()?;
        let html = Html { status, number, greeted, order }.render()?;
        Mail::new(subject, text, html)
    }
}

/// The customer's name, if it looks like one. The customer chose it, and the mail may go to somebody
/// else: it must not carry a link or a message of the customer's.
fn greeted(name: &str) -> Option<&str> {
    let is_short = name.chars().count() <= LONGEST_GREETED;
    (is_short && name.chars().all(is_of_names) && !has_domain(name)).then_some(name)
}

/// Letters of any script, spaces, and what stands between the parts of a name. No digits, no symbols,
/// and nothing that is invisible or turns the direction of what follows.
fn is_of_names(character: char) -> bool {
    character.is_alphabetic() || " .,'’-".contains(character)
}

/// Whether programs may make a link of it: a dot within a word.
fn has_domain(name: &str) -> bool {
    name.split(' ').any(|word| word.trim_end_matches(['.', ',']).contains('.'))
}

#[cfg(test)]
mod tests {
    use waybill::app::MailLine;
    use waybill::domain::{Currency, Money};

    use super::*;

    fn euros(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR").unwrap()).unwrap()
    }

    fn order(customer_name: &str, product: &str) -> MailOrder {
        let line = MailLine { name: product.to_owned(), quantity: 2, price: euros(2900) };
        MailOrder {
            number: "ORD-20260221-A9JW0-0Z5SN-T190N".to_owned().try_into().unwrap(),
            customer_name: customer_name.to_owned(),
            customer_email: None,
            proven_email: None,
            lines: vec![line],
            total: euros(2900),
        }
    }

    async fn mail(status: Status, order: &MailOrder) -> Mail {
        Templates.write(status, order).await.unwrap()
    }

    #[tokio::test]
    async fn each_event_has_its_own_subject_and_sentence_and_the_same_frame() {
        let order = order("Ada Lovelace", "Enamel mug");
        for (status, title, sentence) in [
            (Status::Pending, "received", "We have received your order"),
            (Status::Confirmed, "confirmed", "Your order is confirmed"),
            (Status::Shipped, "shipped", "Your order is on its way"),
            (Status::Delivered, "delivered", "Your order has been delivered"),
            (Status::Cancelled, "canceled", "Your order has been canceled"),
        ] {
            let mail = mail(status, &order).await;
            let subject = format!("Order ORD-20260221-A9JW0-0Z5SN-T190N {title}");
            assert_eq!(mail.subject(), subject);
            for body in [mail.text(), mail.html()] {
                assert!(body.contains("Hello Ada Lovelace,"), "{body}");
                assert!(body.contains(sentence), "{body}");
                assert!(body.contains("ORD-20260221-A9JW0-0Z5SN-T190N"), "{body}");
                assert!(body.contains("29.00 EUR"), "{body}");
            }
        }
    }

    #[tokio::test]
    async fn the_plain_text_is_laid_out_like_this() {
        let mail = mail(Status::Shipped, &order("Ada Lovelace", "Enamel mug")).await;
        assert_eq!(
            mail.text(),
            "Hello Ada Lovelace,\n\
             \n\
             Your order is on its way to you.\n\
             \n\
             Order ORD-20260221-A9JW0-0Z5SN-T190N\n\
             \n\
             2 x Enamel mug: 29.00 EUR\n\
             Total: 29.00 EUR"
        );
    }

    #[tokio::test]
    async fn html_from_an_order_is_escaped_and_plain_text_is_not() {
        let order = order("<b>Ada</b>", "Mug <script>alert('1')</script> & \"more\"");
        let mail = mail(Status::Pending, &order).await;
        assert!(
            !mail.html().contains("<script>") && !mail.html().contains("<b>"),
            "{}",
            mail.html()
        );
        assert!(mail.html().contains("&#60;script&#62;"), "{}", mail.html());
        assert!(mail.text().contains("2 x Mug <script>alert('1')</script> & \"more\": 29.00 EUR"));
    }

    #[tokio::test]
    async fn a_name_that_may_carry_a_message_is_not_greeted() {
        for name in [
            "Ada Lovelace",
            "Dr. J. R. O'Hara-Smith, Jr.",
            "Đặng Thị Hà",
            "李 小龍",
            "D’Arcy Wentworth",
        ] {
            assert_eq!(greeted(name), Some(name));
        }
        for name in [
            "Win at evil.example",
            "Visit www.evil.example.",
            "http://evil.example",
            "ada@example.com",
            "<b>Ada</b>",
            "Ada 1",
            "Ada\u{202e}ecalevoL",
            "Ada\u{200b}Lovelace",
            "Ada\u{2028}Lovelace",
            &"long ".repeat(13),
        ] {
            assert_eq!(greeted(name), None, "{name}");
        }
        let text = mail(Status::Pending, &order("evil.example", "Mug")).await;
        assert!(text.text().starts_with("Hello,\n") && !text.text().contains("evil"));
        assert!(!text.html().contains("evil"));
    }
}
