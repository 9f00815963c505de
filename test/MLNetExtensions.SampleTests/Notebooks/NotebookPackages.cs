using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.SampleTests.Notebooks;

/// <summary>What the packages that notebooks name are here: the assemblies that were built, and those that they need.</summary>
internal static partial class NotebookPackages
{
    private const string Pack = "MLNetExtensions";

    /// <summary>The native half of TorchSharp. It lies beside the tests, whichever of them is named.</summary>
    private static readonly string[] s_backends = ["TorchSharp-cpu", "TorchSharp-cuda-linux", "TorchSharp-cuda-windows", "libtorch-cpu-linux-x64"];

    private static readonly Lazy<IReadOnlyList<Assembly>> s_assemblies = new(FindAssemblies);

    /// <summary>Takes the lines out of a cell that load packages.</summary>
    /// <param name="source">The cell. The lines become empty, so that the others keep their numbers.</param>
    /// <returns>The assemblies that the packages hold.</returns>
    /// <exception cref="InvalidOperationException">There is no such package here, or another version of it.</exception>
    internal static IReadOnlyList<Assembly> Take(ref string source)
    {
        var assemblies = new List<Assembly>();
        source = Reference.Replace(source, line =>
        {
            assemblies.AddRange(Find(line.Groups["name"].Value, line.Groups["version"].Value));
            return "";
        });
        return assemblies;
    }

    private static IReadOnlyList<Assembly> Find(string name, string version)
    {
        var expected = name == Pack ? PackVersion() : s_backends.Contains(name) ? BackendVersion(name) : throw new InvalidOperationException($"There is no package '{name}' here.");
        return version != expected ? throw new InvalidOperationException($"The package '{name}' has the version {expected} here, not {version}.") : name == Pack ? s_assemblies.Value : [];
    }

    /// <summary>The library, and all that comes with its package.</summary>
    private static Assembly[] FindAssemblies()
    {
        var found = new Dictionary<string, Assembly>();
        var open = new Queue<Assembly>([typeof(TrainingHistory).Assembly,
            .. Directory.EnumerateFiles(AppContext.BaseDirectory, "Microsoft.ML.*.dll").Select(path => Assembly.Load(Path.GetFileNameWithoutExtension(path)))]);
        while (open.TryDequeue(out var assembly))
        {
            if (assembly.Location.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal) && found.TryAdd(assembly.FullName!, assembly))
            {
                foreach (var name in assembly.GetReferencedAssemblies().Where(name => File.Exists(Path.Combine(AppContext.BaseDirectory, $"{name.Name}.dll"))))
                {
                    open.Enqueue(Assembly.Load(name));
                }
            }
        }
        return [.. found.Values];
    }

    private static string PackVersion() => Value("Directory.Build.props", "VersionPrefix", element => element.Value);

    private static string BackendVersion(string name)
        => Value("Directory.Packages.props", "PackageVersion", element => element.Attribute("Include")?.Value == name ? element.Attribute("Version")?.Value : null);

    private static string Value(string file, string element, Func<XElement, string?> value)
        => XDocument.Load(Path.Combine(GoldenFiles.RepositoryRoot, file)).Descendants(element).Select(value).OfType<string>().Single();

    [GeneratedRegex("""^#r\s+"nuget:\s*(?<name>[^,"\s]+)\s*,?\s*(?<version>[^"\s]*)\s*"\s*$""", RegexOptions.Multiline)]
    private static partial Regex Reference { get; }
}
