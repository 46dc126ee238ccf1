import { load, type AnyTask } from "edge-distil";
import { Directory, File, Paths } from "expo-file-system";
import * as ort from "onnxruntime-react-native";
import { filesOf, folderSource } from "./folder";

const MANIFEST = "edge_distil.json";

/**
 * Download a bundle once, and open it; the network is not needed again.
 *
 * @param address The bundle's, as `edge-distil serve` or any static host gives it, with a `/` at the end.
 * @param name The folder of the application's documents that it is kept in.
 */
export async function openBundle<T extends AnyTask>(address: string, name: string, variant: string): Promise<T> {
  const folder = new Directory(Paths.document, name);
  const isNew = !folder.exists;
  const place = isNew ? await download(address, name, variant) : folder;
  const source = folderSource(name, (path) => new File(place, ...path.split("/")));
  // What was just downloaded is hashed, the model too, before it takes its place.
  const task = await load<T>(source, { engine: ort, variant, verify: isNew });
  if (isNew) await place.move(folder);
  return task;
}

/** Download what a variant needs into a folder beside its place. */
async function download(address: string, name: string, variant: string): Promise<Directory> {
  const folder = new Directory(Paths.document, `${name}.part`);
  if (folder.exists) folder.delete();
  const fetchFile = async (path: string): Promise<File> => {
    const target = new File(folder, ...path.split("/"));
    target.parentDirectory.create({ intermediates: true, idempotent: true });
    return File.downloadFileAsync(new URL(path, address).href, target);
  };
  const manifest: unknown = JSON.parse(await (await fetchFile(MANIFEST)).text());
  for (const path of filesOf(manifest, variant)) await fetchFile(path);
  return folder;
}
