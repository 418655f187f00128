// Package web serves the web page, and that of operators at /admin: plain embedded
// files, without a build step. The page uses the native API only and no other server.
//
// # Texts
//
// All texts are in page/languages, one catalog per language: messages by key, with
// {placeholders}. A message about a number has a form per plural category of the
// language (Intl.PluralRules), chosen by the value named count:
//
//	"announce.added": {"one": "{count} image added.", "other": "{count} images added."}
//
// To add a text, add its key to every catalog, at the same place, and use it:
//
//   - in HTML, data-t="KEY" is an element's text and data-t-title="KEY" its attribute
//     title; a child with data-value="NAME" stands for a placeholder;
//   - in JavaScript, t("KEY", { count: 3, name }) returns it; numbers are formatted,
//     and messages.js also has percent, unit and list. Modules call t when they show
//     something, never while they load, and show it again in an onLanguage callback
//     if it may be on the screen when the user changes the language.
//
// Names that no language translates are marked translate="no" in HTML. An error of
// the server is shown by the message error.KIND, followed by its English sentence.
//
// To add a language, copy page/languages/en.json to a file named by its BCP 47 tag,
// translate it, and add the tag to TestNoMessageIsMissing. The menu of the page lists
// it by its message language.name. Tests report missing messages, wrong placeholders,
// unused keys, and texts outside the catalogs.
package web
