using System.Net;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.CodeAnalysis.Scripting.Hosting;
using Microsoft.DotNet.Interactive.Formatting;

namespace MLNetExtensions.SampleTests.Notebooks;

/// <summary>Runs notebooks as the kernel of .NET Interactive does: cell by cell as one script, and what a cell ends with is shown as HTML.</summary>
internal static class NotebookRunner
{
    // What the kernel imports by itself.
    private static readonly string[] s_imports = ["System", "System.IO", "System.Text", "System.Collections", "System.Collections.Generic", "System.Threading.Tasks", "System.Linq"];

    /// <summary>Runs all cells.</summary>
    /// <returns>What each code cell showed; null where it showed nothing.</returns>
    /// <exception cref="NotebookException">A cell failed.</exception>
    internal static async Task<IReadOnlyList<string?>> RunAsync(Notebook notebook)
    {
        // Assemblies are those of the tests: one library, one native library.
        using var loader = new InteractiveAssemblyLoader();
        var options = ScriptOptions.Default.WithReferences(FrameworkReferences()).WithImports(s_imports).WithOptimizationLevel(OptimizationLevel.Release).WithLanguageVersion(LanguageVersion.Latest);
        ScriptState<object>? state = null;
        var shown = new List<string?>();
        foreach (var cell in notebook.Cells.Where(cell => cell.IsCode))
        {
            try
            {
                var source = cell.Source;
                foreach (var assembly in NotebookPackages.Take(ref source))
                {
                    loader.RegisterDependency(assembly);
                    options = options.AddReferences(assembly);
                }
                var place = options.WithFilePath($"{notebook.Name}, cell {cell.Number}");
                state = state is null ? await CSharpScript.Create<object>(source, place, assemblyLoader: loader).RunAsync() : await state.ContinueWithAsync<object>(source, place);
                shown.Add(state.ReturnValue is { } value ? Show(value) : null);
            }
            catch (Exception e)
            {
                throw new NotebookException(notebook.Name, cell.Number, e);
            }
        }
        return shown;
    }

    /// <summary>A page of all that a notebook showed.</summary>
    internal static string Page(Notebook notebook, IEnumerable<string?> shown)
    {
        var html = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>").Append(WebUtility.HtmlEncode(notebook.Name)).Append("</title></head><body>\n");
        foreach (var output in shown.OfType<string>())
        {
            html.Append("<div class=\"output\">").Append(output).Append("</div>\n");
        }
        return html.Append("</body></html>\n").ToString();
    }

    /// <summary>As HTML, but what the kernel shows as text, such as strings.</summary>
    private static string Show(object value)
    {
        var type = Formatter.GetPreferredMimeTypesFor(value.GetType()).First();
        var shown = Formatter.ToDisplayString(value, type);
        return type == "text/html" ? shown : $"<pre>{WebUtility.HtmlEncode(shown)}</pre>";
    }

    private static IEnumerable<MetadataReference> FrameworkReferences()
        => Directory.EnumerateFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll").Where(IsManaged).Select(path => MetadataReference.CreateFromFile(path));

    private static bool IsManaged(string path)
    {
        try
        {
            AssemblyName.GetAssemblyName(path);
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }
}
