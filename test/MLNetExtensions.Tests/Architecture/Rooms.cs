namespace MLNetExtensions.Tests.Architecture;

/// <summary>The folders of the library and which may use which: catalogs, algorithms, what a family shares, hosting, torch; always towards the right, never back or sideways.</summary>
internal static class Rooms
{
    internal const string Catalogs = "Catalogs";
    internal const string Hosting = "Hosting";
    internal const string Onnx = "Onnx";
    internal const string Torch = "Torch";

    /// <summary>The rooms of algorithms. Each may use what its family (the folder above) shares.</summary>
    internal static readonly string[] Algorithms =
    [
        "TimeSeries/OLinear",
        "TimeSeries/TimesNet",
        "Classification/EquiangularBasisVectors",
        "Clustering/TransductiveFewShot",
        "Tensors/FunctionalBayesianTucker",
        "Tensors/NeuralTensorCompletion",
        "OwnModules",
    ];

    private static readonly string[] s_families = ["TimeSeries", "Classification", "Clustering", "Tensors"];

    /// <summary>Which assemblies nobody but some rooms may use: a beginning of the name, and those who may not.</summary>
    private static readonly (string Assembly, Func<string, bool> MayNot)[] s_foreign =
    [
        ("Microsoft.ML", file => RoomOf(file) is Torch or Onnx || IsNetwork(file)),
        ("TorchSharp", file => RoomOf(file) == Onnx),
    ];

    /// <summary>The room of a file, or null where it lies in none.</summary>
    internal static string? RoomOf(string file)
        => Algorithms.FirstOrDefault(room => file.StartsWith($"{room}/", StringComparison.Ordinal)) is { } algorithm ? algorithm
            : file.Split('/') is [var folder, _] && (folder is Catalogs or Hosting or Onnx or Torch || s_families.Contains(folder)) ? folder
            : null;

    /// <summary>Whether a room may use another one.</summary>
    internal static bool MayUse(string from, string to)
        => from == to
        || from == Catalogs
        || to == Torch && from != Onnx
        || to == Hosting && from is not (Torch or Onnx)
        || to == Onnx && from is not Torch
        || Algorithms.Contains(from) && from.StartsWith($"{to}/", StringComparison.Ordinal);

    /// <summary>What is wrong with a reference; null where nothing is.</summary>
    internal static string? Problem(Reference reference)
    {
        if (RoomOf(reference.File) is not { } from)
        {
            return $"{reference.File} lies in no room.";
        }
        if (reference.ToFile is { } file)
        {
            return RoomOf(file) is { } to && MayUse(from, to) ? null
                : $"{reference}: {from} may not use {RoomOf(file) ?? "what lies in no room"}.";
        }
        if (s_foreign.Any(rule => IsOf(reference.ToAssembly, rule.Assembly) && rule.MayNot(reference.File)))
        {
            return $"{reference}: {(IsNetwork(reference.File) ? "a module" : from)} knows nothing of {reference.ToAssembly}.";
        }
        return reference.IsInternal && IsOf(reference.ToAssembly, "Microsoft.ML") && from != Hosting ? $"{reference}: only {Hosting} may use what is internal to ML.NET." : null;
    }

    // A network, or the inference of an algorithm: tensors alone.
    private static bool IsNetwork(string file) => file.EndsWith("Module.cs", StringComparison.Ordinal) && Algorithms.Contains(RoomOf(file)) && RoomOf(file) != "OwnModules";

    private static bool IsOf(string assembly, string name) => assembly == name || assembly.StartsWith($"{name}.", StringComparison.Ordinal);
}
