using System.Text.RegularExpressions;
using MLNetExtensions.Tests.Golden;

namespace MLNetExtensions.Tests.Architecture;

/// <summary>The rooms of the library refer to each other in one direction, and every estimator has all that belongs to one.</summary>
[TestClass]
public sealed partial class ArchitectureTests
{
    private static readonly string[] s_namespaces = ["Microsoft.ML", "MLNetExtensions", "MLNetExtensions.TimeSeries", "MLNetExtensions.Tensors", "MLNetExtensions.Torch"];

    private static readonly IReadOnlyCollection<Reference> s_references = ReferenceReader.Read(typeof(TrainingOptions).Assembly, out s_files);
    private static readonly IReadOnlyDictionary<Type, string> s_files;

    private static string Root => GoldenFiles.RepositoryRoot;

    // ---- Directions ----

    [TestMethod]
    public void ReferencesGoOneWay()
    {
        Assert.IsGreaterThan(1000, s_references.Count);
        AssertNone(s_references.Select(Rooms.Problem).OfType<string>());
    }

    /// <summary>What leaves no trace in the compiled code, such as constants, shows in the sources.</summary>
    [TestMethod]
    public void TorchAndOnnxDoNotImportMachineLearning()
        => AssertNone(from room in new[] { Rooms.Torch, Rooms.Onnx }
                      let folder = Path.Combine(Root, "src", "MLNetExtensions", room)
                      where Directory.Exists(folder)
                      from file in Directory.EnumerateFiles(folder, "*.cs")
                      where File.ReadLines(file).Any(line => line.StartsWith("using Microsoft.ML", StringComparison.Ordinal) || room == Rooms.Onnx && line.Contains("TorchSharp", StringComparison.Ordinal))
                      select file);

    /// <summary>The reader finds what is known to be there, in code of every kind: a base class, a closure, an iterator, a type without code, an internal of ML.NET.</summary>
    [TestMethod]
    public void TheReaderFindsReferences()
    {
        Assert.IsTrue(s_references.Any(reference => reference is { From: "OLinearEstimator", ToFile: "TimeSeries/ForecastingEstimator.cs" }));
        Assert.IsTrue(s_references.Any(reference => reference is { From: "OLinearModule", ToFile: "Torch/TensorOps.cs" }));
        Assert.IsTrue(s_references.Any(reference => reference is { From: "ForecastingCatalogExtensions", ToFile: "TimeSeries/OLinear/OLinearEstimator.cs" }));
        Assert.IsTrue(s_references.Any(reference => reference.File.StartsWith("Torch/", StringComparison.Ordinal) && reference.ToAssembly == "TorchSharp"));
        Assert.IsTrue(s_references.Any(reference => reference.File.StartsWith("Hosting/", StringComparison.Ordinal) && reference.IsInternal && reference.ToAssembly.StartsWith("Microsoft.ML", StringComparison.Ordinal)));
        Assert.AreEqual("Torch/ILearner.cs", s_files.Single(file => file.Key.Name == "ILearner").Value);
        Assert.AreEqual("Torch/CancellationBehavior.cs", s_files[typeof(CancellationBehavior)]);
    }

    [TestMethod]
    [DataRow("Torch/Batch.cs", "Hosting/Check.cs", "Torch may not use Hosting")]
    [DataRow("Hosting/Check.cs", "TimeSeries/Series.cs", "Hosting may not use TimeSeries")]
    [DataRow("TimeSeries/Series.cs", "TimeSeries/OLinear/OLinearModule.cs", "TimeSeries may not use TimeSeries/OLinear")]
    [DataRow("TimeSeries/OLinear/OLinearModule.cs", "TimeSeries/TimesNet/TimesNetModule.cs", "TimeSeries/OLinear may not use TimeSeries/TimesNet")]
    [DataRow("TimeSeries/OLinear/OLinearModule.cs", "Tensors/NormalDistribution.cs", "TimeSeries/OLinear may not use Tensors")]
    [DataRow("OwnModules/TorchModuleOptions.cs", "Catalogs/RegressionCatalogExtensions.cs", "OwnModules may not use Catalogs")]
    [DataRow("Onnx/OnnxGraph.cs", "Torch/TensorOps.cs", "Onnx may not use Torch")]
    [DataRow("Other/Thing.cs", "Torch/TensorOps.cs", "lies in no room")]
    [DataRow("TimeSeries/OLinear/OLinearEstimator.cs", "Other/Thing.cs", "lies in no room")]
    [DataRow("Catalogs/RegressionCatalogExtensions.cs", "Tensors/NeuralTensorCompletion/TensorData.cs", null)]
    [DataRow("TimeSeries/OLinear/OLinearEstimator.cs", "TimeSeries/Series.cs", null)]
    [DataRow("TimeSeries/OLinear/OLinearTransformer.cs", "Onnx/OnnxGraph.cs", null)]
    [DataRow("Hosting/Check.cs", "Torch/TensorOps.cs", null)]
    public void AWrongReferenceBetweenRoomsIsFound(string from, string to, string? expected) => AssertProblem(new("A", from, "B", to, "MLNetExtensions"), expected);

    [TestMethod]
    [DataRow("Torch/TensorOps.cs", "Microsoft.ML.Core", false, "Torch knows nothing of Microsoft.ML.Core")]
    [DataRow("Onnx/OnnxGraph.cs", "TorchSharp", false, "Onnx knows nothing of TorchSharp")]
    [DataRow("TimeSeries/OLinear/OLinearModule.cs", "Microsoft.ML.Data", false, "a module knows nothing of Microsoft.ML.Data")]
    [DataRow("TimeSeries/OLinear/OLinearEstimator.cs", "Microsoft.ML.Core", true, "only Hosting may use what is internal to ML.NET")]
    [DataRow("TimeSeries/OLinear/OLinearEstimator.cs", "Microsoft.ML.Core", false, null)]
    [DataRow("Hosting/Seam.cs", "Microsoft.ML.Core", true, null)]
    [DataRow("Torch/TensorOps.cs", "TorchSharp", false, null)]
    public void AWrongReferenceToAnotherAssemblyIsFound(string from, string assembly, bool isInternal, string? expected) => AssertProblem(new("A", from, "B", null, assembly, isInternal), expected);

    private static void AssertProblem(Reference reference, string? expected)
    {
        var problem = Rooms.Problem(reference);
        if (expected is null)
        {
            Assert.IsNull(problem);
        }
        else
        {
            Assert.Contains(expected, problem ?? "");
        }
    }

    // ---- Public types ----

    [TestMethod]
    public void PublicTypesAreInTheNamespacesOfUsers()
        => AssertNone(from type in typeof(TrainingOptions).Assembly.GetExportedTypes()
                      where !s_namespaces.Contains(type.Namespace) || (type.Namespace == "Microsoft.ML") != (s_files.TryGetValue(type, out var file) && file.StartsWith("Catalogs/", StringComparison.Ordinal))
                      select type.FullName);

    /// <summary>A public member without documentation is an error of the compiler, which nothing turns off for the library.</summary>
    [TestMethod]
    public void PublicMembersWithoutDocumentationAreErrors()
    {
        var properties = File.ReadAllText(Path.Combine(Root, "Directory.Build.props"));
        Must.Contain(properties, "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", "<GenerateDocumentationFile>true</GenerateDocumentationFile>", "<NoWarn Condition=\"'$(MSBuildProjectName)' != 'MLNetExtensions'\">$(NoWarn);CS1591</NoWarn>");
        string[] settings = [Path.Combine(Root, ".editorconfig"), Path.Combine(Root, "src", "MLNetExtensions", "MLNetExtensions.csproj"), .. Sources()];
        AssertNone(settings.Where(file => File.ReadAllText(file).Contains("1591", StringComparison.Ordinal)));
    }

    // ---- What belongs to an estimator ----

    /// <summary>Each call, its room and the beginning of its files' names, its page, its sample, the name in the conformance suite and one command of the benchmarks.</summary>
    [TestMethod]
    [DataRow("ForecastByOLinear", "TimeSeries/OLinear", "OLinear", "olinear", "Forecasting", "accuracy olinear-etth1")]
    [DataRow("ForecastByTimesNet", "TimeSeries/TimesNet", "TimesNetForecasting", "timesnet", "Forecasting", "accuracy timesnet-etth1")]
    [DataRow("ImputeByTimesNet", "TimeSeries/TimesNet", "TimesNetImputing", "timesnet", "TimeSeries", "accuracy timesnet-tasks")]
    [DataRow("TimesNet", "TimeSeries/TimesNet", "TimesNetAnomalyDetection", "timesnet", "AnomalyDetection", "accuracy timesnet-tasks")]
    [DataRow("TimesNet", "TimeSeries/TimesNet", "TimesNetClassification", "timesnet", "TimeSeries", "accuracy timesnet-vowels")]
    [DataRow("EquiangularBasisVectors", "Classification/EquiangularBasisVectors", "EquiangularBasisVectors", "equiangular-basis-vectors", "ImageClassification", "accuracy ebv")]
    [DataRow("TransductiveFewShot", "Clustering/TransductiveFewShot", "TransductiveFewShot", "transductive-few-shot", "FewShot", "accuracy fewshot")]
    [DataRow("FunctionalBayesianTucker", "Tensors/FunctionalBayesianTucker", "FunctionalBayesianTucker", "functional-bayesian-tucker", "TensorDecomposition", "accuracy funbat")]
    [DataRow("NeuralTensorCompletion", "Tensors/NeuralTensorCompletion", "NeuralTensorCompletion", "neural-tensor-completion", "TensorCompletion", "accuracy dain")]
    [DataRow("TorchModule", "OwnModules", "TorchModuleRegression", "own-modules", "OwnModule", null)]
    [DataRow("TorchModule", "OwnModules", "TorchModuleMulticlass", "own-modules", "OwnModule", null)]
    [DataRow("ApplyTorchScriptModel", "OwnModules", "TorchScript", "own-modules", "OwnModule", null)]
    public void AnEstimatorIsComplete(string call, string room, string name, string page, string sample, string? benchmark)
    {
        var folder = Path.Combine(Root, "src", "MLNetExtensions", room);
        var missing = new List<string>();
        Need(File.Exists(Path.Combine(folder, $"{name}Options.cs")), $"{name}Options.cs");
        Need(File.Exists(Path.Combine(folder, $"{name}Trainer.cs")) || File.Exists(Path.Combine(folder, $"{name}Estimator.cs")), $"{name}Trainer.cs or {name}Estimator.cs");
        Need(File.Exists(Path.Combine(folder, $"{name}Transformer.cs")), $"{name}Transformer.cs");
        // One network serves the tasks of a method; users bring those of OwnModules; two methods are no networks but solvers.
        Need(Directory.EnumerateFiles(folder).Any(file => NetworkFile().IsMatch(Path.GetFileName(file))), "the file of the network or the solver");
        var calls = typeof(TrainingOptions).Assembly.GetExportedTypes().Where(type => type.Namespace == "Microsoft.ML").SelectMany(type => type.GetMethods()).Where(method => method.Name == call && method.ReturnType.Name.StartsWith(name, StringComparison.Ordinal)).ToArray();
        Need(calls.Any(method => method.GetParameters().Any(parameter => parameter.ParameterType.Name == "Options")), $"an overload of {call} with options");
        Need(calls.Any(method => method.GetParameters().All(parameter => parameter.ParameterType.Name != "Options")), $"an overload of {call} with plain arguments");
        Need(File.Exists(Path.Combine(Root, "docs", $"{page}.md")), $"docs/{page}.md");
        var readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        Need(readme.Contains($"{call}`", StringComparison.Ordinal) && readme.Contains($"docs/{page}.md", StringComparison.Ordinal), "a row in README.md");
        Need(Directory.Exists(Path.Combine(Root, "samples", sample)), $"samples/{sample}");
        Need(readme.Contains($"(samples/{sample})", StringComparison.Ordinal), $"a row of the sample in README.md");
        Need(Directory.EnumerateFiles(Path.Combine(Root, "test", "MLNetExtensions.Tests", "Conformance"), "*Entries.cs").Any(file => Calls(call).IsMatch(File.ReadAllText(file)) || File.ReadAllText(file).Contains($"{name}Trainer", StringComparison.Ordinal) || File.ReadAllText(file).Contains($"{name}Estimator", StringComparison.Ordinal)), "an entry in the conformance suite");
        if (benchmark is not null)
        {
            Need(File.ReadAllText(Path.Combine(Root, "docs", "benchmarks.md")).Contains(benchmark, StringComparison.Ordinal), $"'{benchmark}' in docs/benchmarks.md");
            Need(Directory.EnumerateFiles(Path.Combine(Root, "test", "MLNetExtensions.Benchmarks", "Accuracy"), "*.cs").Any(file => File.ReadAllText(file).Contains($"\"{benchmark.Split(' ')[1]}\"", StringComparison.Ordinal)), $"the command '{benchmark}'");
        }
        AssertNone(missing);

        void Need(bool there, string what)
        {
            if (!there)
            {
                missing.Add(what);
            }
        }
    }

    /// <summary>The list above is whole: every estimator of the library is one of it.</summary>
    [TestMethod]
    public void EveryEstimatorIsListed()
    {
        string[] listed = [.. typeof(ArchitectureTests).GetMethod(nameof(AnEstimatorIsComplete))!.GetCustomAttributes(typeof(DataRowAttribute), false).Cast<DataRowAttribute>().Select(row => (string)row.Data[2]!)];
        AssertNone(from type in typeof(TrainingOptions).Assembly.GetExportedTypes()
                   where type is { IsAbstract: false, IsClass: true } && type.GetNestedType("Options") is not null && !listed.Any(name => type.Name == $"{name}Trainer" || type.Name == $"{name}Estimator")
                   select type.Name);
    }

    private static IEnumerable<string> Sources()
        => Directory.EnumerateFiles(Path.Combine(Root, "src", "MLNetExtensions"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static void AssertNone(IEnumerable<string?> problems)
    {
        string?[] all = [.. problems];
        if (all.Length > 0)
        {
            Assert.Fail($"{all.Length} problems:\n{string.Join('\n', all.Distinct().Take(100))}");
        }
    }

    private static Regex Calls(string call) => new($@"\.{call}\(");

    [GeneratedRegex("(Module|Solver|Inference|Completion|Model)\\.cs$")]
    private static partial Regex NetworkFile();
}
