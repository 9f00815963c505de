using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>The element types of the safetensors format that TorchSharp has too.</summary>
internal static class SafetensorsTypes
{
    // In the order in which the reference implementation sorts tensors, smaller alignments last.
    private static readonly (string Name, ScalarType Type, int Size)[] s_types =
    [
        ("I64", ScalarType.Int64, 8),
        ("F64", ScalarType.Float64, 8),
        ("F32", ScalarType.Float32, 4),
        ("I32", ScalarType.Int32, 4),
        ("BF16", ScalarType.BFloat16, 2),
        ("F16", ScalarType.Float16, 2),
        ("I16", ScalarType.Int16, 2),
        ("I8", ScalarType.Int8, 1),
        ("U8", ScalarType.Byte, 1),
        ("BOOL", ScalarType.Bool, 1),
    ];

    internal static bool TryFind(string name, out ScalarType type, out int size)
    {
        (_, type, size) = Array.Find(s_types, entry => entry.Name == name);
        return size > 0;
    }

    internal static bool TryFind(ScalarType type, out string name, out int order)
    {
        order = Array.FindIndex(s_types, entry => entry.Type == type);
        name = order < 0 ? "" : s_types[order].Name;
        return order >= 0;
    }

    internal static string Name(ScalarType type) => Array.Find(s_types, entry => entry.Type == type).Name;

    internal static int Size(ScalarType type) => Array.Find(s_types, entry => entry.Type == type).Size;
}
