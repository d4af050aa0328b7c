/** A client of gRPC's reflection service: the listed services, and the file that declares a symbol. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

interface Reflected {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] }
}

export async function serverReflection(
  address: string,
  symbol: string,
): Promise<{ readonly services: readonly string[]; readonly file: Buffer }> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection')), '../proto')
  const loaded = loadPackageDefinition(loadSync('grpc/reflection/v1/reflection.proto', { includeDirs: [folder] }))
  // biome-ignore lint/suspicious/noExplicitAny: the types of a loaded package are not known.
  const { ServerReflection } = (loaded as any).grpc.reflection.v1
  const client = new ServerReflection(address, credentials.createInsecure())
  const call = client.ServerReflectionInfo()
  const answers: Reflected[] = []
  const done = (async () => {
    for await (const answer of call) if (answers.push(answer) === 2) call.end()
  })()
  call.write({ listServices: '' })
  call.write({ fileContainingSymbol: symbol })
  await done
  client.close()
  const services = answers.flatMap((each) => each.listServicesResponse?.service ?? []).map(({ name }) => name)
  const file = Buffer.concat(answers.flatMap((each) => each.fileDescriptorResponse?.fileDescriptorProto ?? []))
  return { services, file }
}
