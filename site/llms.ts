/** llms.txt: the index of the documentation for programs that read it, with one line for each page (https://llmstxt.org). */
import type { Section } from './contents.ts'
import { sitePath } from './links.ts'

export function llmsText(name: string, description: string, sections: readonly Section[]): string {
  const parts = sections.map(({ title, pages }) => {
    const lines = pages.map((page) => {
      const summary = page.summary === '' ? '' : `: ${page.summary}`
      return `- [${page.title}](/${sitePath(page.path)})${summary}`
    })
    return `## ${title}\n\n${lines.join('\n')}\n`
  })
  return `# ${name}\n\n> ${description}\n\n${parts.join('\n')}`
}
