package edge.distil.sample

import android.content.Context
import java.io.File

private const val BUNDLE = "bundle"

/** Copy the bundle of `assets/bundle` to where the engine can open it, once an installation. */
fun bundleFolder(context: Context): File {
    val installed = context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime
    val folder = File(context.filesDir, "$BUNDLE-$installed")
    if (folder.isDirectory) return folder
    context.filesDir.listFiles { file -> file.name.startsWith(BUNDLE) }?.forEach { it.deleteRecursively() }
    val unfinished = File(context.filesDir, "$BUNDLE.part")
    copy(context, BUNDLE, unfinished)
    check(unfinished.renameTo(folder)) { "$unfinished cannot be renamed to $folder: free some storage" }
    return folder
}

private fun copy(context: Context, asset: String, target: File) {
    val children = context.assets.list(asset).orEmpty()
    if (children.isNotEmpty()) {
        target.mkdirs()
        children.forEach { copy(context, "$asset/$it", File(target, it)) }
    } else context.assets.open(asset).use { from -> target.outputStream().use { from.copyTo(it) } }
}
