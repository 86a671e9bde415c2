/** SCREENSHOTS=1: photographs of what the WHMCS module shows, for docs/whmcs.md. */
import { join } from 'node:path'
import { launchChromium } from '../../console/chromium.ts'

const images = join(import.meta.dirname, '../../../docs/images')

/** What the themes of WHMCS (Bootstrap) make of tables, buttons and forms, in a few lines. */
const theme = `
  body { font: 14px/1.45 'DejaVu Sans', sans-serif; color: #333; margin: 20px; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: 8px 10px; border-top: 1px solid #ddd; }
  tr:nth-child(odd) { background: #f7f7f7; }
  .label { width: 130px; font-weight: bold; text-align: right; }
  button, select, input { font: inherit; padding: 5px 9px; border: 1px solid #bbb; border-radius: 4px; background: #fff; }
  .btn-danger { background: #d9534f; border-color: #d43f3a; color: #fff; }
  h4 { margin: 22px 0 6px; }`

/** Writes docs/images/NAME.png of the whole of this HTML when SCREENSHOTS is set; says why when there is no browser. */
export async function photograph(name: string, html: string, width: number): Promise<void> {
  if (!process.env['SCREENSHOTS']) return
  const browser = await launchChromium()
  if (typeof browser === 'string') {
    process.stderr.write(`no picture ${name}: ${browser}\n`)
    return
  }
  try {
    // Lower than any of these pages: the picture is as high as what is on the page.
    const page = await browser.newPage({ viewport: { width, height: 100 } })
    await page.setContent(`<!doctype html><meta charset="utf-8"><style>${theme}</style>${html}`)
    await page.screenshot({ path: join(images, `${name}.png`), fullPage: true })
  } finally {
    await browser.close()
  }
}

/** The rows of the admin's page of a service, as WHMCS lays them out. */
export function adminPage(rows: Readonly<Record<string, string>>): string {
  const lines = Object.entries(rows).map(([label, html]) => `<tr><td class="label">${label}</td><td>${html}</td></tr>`)
  return `<table>${lines.join('')}</table>`
}
