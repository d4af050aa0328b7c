/** Import it before what formats numbers for the language of the browser, which is no valid tag where the system has the language C or POSIX. */
try {
  new Intl.NumberFormat(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US' })
}
