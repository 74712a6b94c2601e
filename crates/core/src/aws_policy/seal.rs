//! The seal: a second statement beside the fence, which denies reading the old copy to everybody who is not exempt. It comes after the commit,
//! so it is never part of a rollback; it can be lifted.

use serde_json::{Map, Value, json};

use super::{
    Change, Exempt, PolicyDocument, Unmergeable,
    fence::{check_hold, difference},
    sid::{SEAL_PREFIX, Sid},
};
use crate::{
    observed::{Mark, SealSeen},
    quota::RESOURCE_POLICY_BYTES,
};

/// The action that reads a value. BatchGetSecretValue needs it for each secret
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>), so one name closes both ways.
pub const SEALED_ACTIONS: [&str; 1] = ["secretsmanager:GetSecretValue"];

/// Merges our seal under `mark` into the `stored` policy, in place of an older one of the same ledger and wave.
///
/// # Errors
/// [`Unmergeable`].
pub fn seal(stored: Option<&str>, mark: &Mark, exempt: &Exempt) -> Result<Change, Unmergeable> {
    let document = stored.map(PolicyDocument::parse).transpose()?.unwrap_or_else(PolicyDocument::empty);
    let mut statements = others(&document, mark)?;
    statements.push(statement(mark, exempt));
    let sealed = document.with_statements(statements, false);
    if sealed == document {
        return Ok(Change::Nothing);
    }
    let bytes = sealed.to_string().len();
    if bytes > RESOURCE_POLICY_BYTES {
        return Err(Unmergeable::TooLarge { bytes });
    }
    Ok(Change::Put(sealed))
}

/// Takes our seal out of the `stored` policy; the fence and what others wrote stay.
///
/// # Errors
/// [`Unmergeable`] where the seal is another ledger's or wave's, or of a later run.
pub fn unseal(stored: Option<&str>, mark: &Mark) -> Result<Change, Unmergeable> {
    let Some(stored) = stored else { return Ok(Change::Nothing) };
    let document = PolicyDocument::parse(stored)?;
    let statements = others(&document, mark)?;
    Ok(match statements.len() {
        count if count == document.statements().count() => Change::Nothing,
        0 => Change::Delete,
        _ => Change::Put(document.with_statements(statements, false)),
    })
}

/// What seal the `stored` policy holds, judged by the exempt principals that we would write today.
///
/// # Errors
/// [`Unmergeable::NotAPolicy`] and [`Unmergeable::InexactNumber`].
pub fn sealed(stored: Option<&str>, exempt: &Exempt) -> Result<SealSeen, Unmergeable> {
    let Some(stored) = stored else { return Ok(SealSeen::Open) };
    let document = PolicyDocument::parse(stored)?;
    let mut found = document.statements().filter_map(|statement| Some((sid(statement)?, statement)));
    let Some((sid, standing)) = found.next() else { return Ok(SealSeen::Open) };
    if found.next().is_some() {
        return Ok(SealSeen::Altered { what: "more than one seal".to_owned() });
    }
    let Some(read) = Sid::read_as(SEAL_PREFIX, sid) else { return Ok(SealSeen::Altered { what: "Sid".to_owned() }) };
    Ok(match difference(standing, &statement(&read.mark, exempt)) {
        None => SealSeen::Ours(read.mark),
        Some(what) => SealSeen::Altered { what },
    })
}

/// The statements that are no seal.
fn others(document: &PolicyDocument, mark: &Mark) -> Result<Vec<Map<String, Value>>, Unmergeable> {
    let mut others = Vec::new();
    for statement in document.statements() {
        match sid(statement) {
            None => others.push(statement.clone()),
            Some(sid) => {
                let standing = Sid::read_as(SEAL_PREFIX, sid).ok_or_else(|| Unmergeable::Unreadable(sid.to_owned()))?;
                check_hold(&standing.mark, mark)?;
            }
        }
    }
    Ok(others)
}

fn sid(statement: &Map<String, Value>) -> Option<&str> {
    statement.get("Sid").and_then(Value::as_str).filter(|sid| sid.starts_with(SEAL_PREFIX))
}

fn statement(mark: &Mark, exempt: &Exempt) -> Map<String, Value> {
    let sid = Sid { mark: mark.clone(), was_bare: false }.write_as(SEAL_PREFIX);
    Map::from_iter([
        ("Sid".to_owned(), json!(sid)),
        ("Effect".to_owned(), json!("Deny")),
        ("Principal".to_owned(), json!("*")),
        ("Action".to_owned(), json!(SEALED_ACTIONS)),
        ("Resource".to_owned(), json!("*")),
        ("Condition".to_owned(), json!({ "ArnNotEquals": { "aws:PrincipalArn": exempt.iter().collect::<Vec<_>>() } })),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws_policy::{fence, seen, unfence},
        id::{Epoch, LedgerId, WaveName},
        observed::FenceSeen,
    };

    fn mark(wave: &str, epoch: u64) -> Mark {
        Mark { ledger: LedgerId::new("l"), wave: WaveName::parse(wave).unwrap(), epoch: Epoch(epoch) }
    }

    fn exempt() -> Exempt {
        Exempt::new(["arn:aws:iam::111122223333:role/migrate".to_owned()]).unwrap()
    }

    fn put(change: Change) -> String {
        let Change::Put(document) = change else { panic!("{change:?}") };
        document.to_string()
    }

    const THEIRS: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#;

    #[test]
    fn a_seal_stands_beside_the_fence_and_goes_without_it() {
        let fenced = put(fence(Some(THEIRS), &mark("w", 3), &exempt()).unwrap());
        let both = put(seal(Some(&fenced), &mark("w", 5), &exempt()).unwrap());
        assert_eq!(sealed(Some(&both), &exempt()), Ok(SealSeen::Ours(mark("w", 5))));
        assert_eq!(seen(Some(&both), &exempt()), Ok(FenceSeen::Ours(mark("w", 3))));
        assert_eq!(seal(Some(&both), &mark("w", 5), &exempt()), Ok(Change::Nothing));
        let lifted = put(unseal(Some(&both), &mark("w", 6)).unwrap());
        assert_eq!(lifted, fenced);
        assert_eq!(unseal(Some(&fenced), &mark("w", 6)), Ok(Change::Nothing));
        assert_eq!(sealed(Some(&fenced), &exempt()), Ok(SealSeen::Open));
        // The fence's own removal is no business of the seal's.
        assert_eq!(sealed(Some(&put(unfence(Some(&both), &mark("w", 6)).unwrap())), &exempt()), Ok(SealSeen::Ours(mark("w", 5))));
    }

    #[test]
    fn a_seal_of_others_is_left_alone_and_a_changed_one_is_told() {
        let theirs = put(seal(None, &mark("other", 9), &exempt()).unwrap());
        assert!(matches!(seal(Some(&theirs), &mark("w", 10), &exempt()), Err(Unmergeable::HeldBy(_))));
        assert!(matches!(unseal(Some(&theirs), &mark("other", 8)), Err(Unmergeable::LaterEpoch(_))));
        assert_eq!(unseal(Some(&theirs), &mark("other", 9)), Ok(Change::Delete));
        let weaker = theirs.replace("ArnNotEquals", "ArnEquals");
        assert_eq!(sealed(Some(&weaker), &exempt()), Ok(SealSeen::Altered { what: "Condition".to_owned() }));
    }
}
