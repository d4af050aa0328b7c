/** The bundler replaces the import of a text file by its text. */
declare module '*.txt' {
  const text: string
  export default text
}
