using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MLNetExtensions.SampleTests.Docs;

/// <summary>Compiles code as a project with <c>ImplicitUsings</c> does that references the package.</summary>
internal static class SampleCompiler
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(path => !Path.GetFileName(path).StartsWith("MLNetExtensions.", StringComparison.Ordinal) || Path.GetFileName(path) == "MLNetExtensions.dll")
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>The errors, and the warnings that what is used is obsolete.</summary>
    internal static IReadOnlyList<string> Errors(CodeSample sample)
    {
        var code = CSharpSyntaxTree.ParseText(sample.Code);
        var isProgram = code.GetCompilationUnitRoot().Members.Any(member => member is GlobalStatementSyntax);
        var options = new CSharpCompilationOptions(isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, concurrentBuild: false);
        var compilation = CSharpCompilation.Create("Sample", [CSharpSyntaxTree.ParseText(ImplicitUsings), CSharpSyntaxTree.ParseText(sample.Given), code], s_references, options);
        return
        [
            .. compilation.GetDiagnostics()
                .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error || diagnostic.Id is "CS0612" or "CS0618")
                .Select(diagnostic => $"{sample.Place} {(diagnostic.Location.SourceTree == code ? "" : "(given) ")}line {diagnostic.Location.GetLineSpan().StartLinePosition.Line + 1}: {diagnostic.Id} {diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}"),
        ];
    }
}
