using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace MLNetExtensions.Torch;

/// <summary>
/// Named tensors in the safetensors format: the length of a header (8 bytes), the header (JSON: type, shape and place of each tensor, and free metadata),
/// the elements (little-endian). Everything is checked before anything is made of it; whatever is wrong with a file is a <see cref="FormatException"/>.
/// </summary>
internal sealed class SafetensorsReader
{
    private const string MetadataKey = "__metadata__";

    // As much as the reference implementation reads, and as many dimensions as libtorch computes with.
    private const long MaximalHeaderLength = 100_000_000;
    private const int MaximalRank = 64;

    private readonly ReadOnlyMemory<byte> _data;
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly List<string> _names = [];
    private readonly Dictionary<string, string> _metadata = [];

    private sealed record Entry(ScalarType Type, long[] Shape, int Start, int Length);

    private SafetensorsReader(ReadOnlyMemory<byte> data) => _data = data;

    /// <summary>Free texts about the whole.</summary>
    internal IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The names in the order of the file.</summary>
    internal IReadOnlyList<string> Names => _names;

    /// <summary>Reads the header and checks the whole. The bytes must not change as long as the reader is used.</summary>
    /// <exception cref="FormatException">The bytes are not what they should be.</exception>
    internal static SafetensorsReader Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < 8)
        {
            throw new FormatException("The weights are truncated: the length of the header is missing.");
        }
        var length = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span);
        if (length > MaximalHeaderLength || length > (ulong)(bytes.Length - 8))
        {
            throw new FormatException($"The weights are truncated or no safetensors file: the header should have {length} bytes, {bytes.Length - 8} follow.");
        }
        var header = bytes.Slice(8, (int)length);
        var reader = new SafetensorsReader(bytes[(8 + (int)length)..]);
        if (header.IsEmpty || header.Span[0] != '{')
        {
            throw new FormatException("The header of the weights does not begin with '{'.");
        }
        try
        {
            // Names and texts that are no valid Unicode show themselves when they are asked for, as InvalidOperationException.
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            foreach (var property in json.RootElement.EnumerateObject())
            {
                reader.Add(property.Name, property.Value);
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FormatException($"The header of the weights is no valid JSON: {error.Message}", error);
        }
        reader.CheckPlaces();
        return reader;
    }

    internal bool Contains(string name) => _entries.ContainsKey(name);

    internal IReadOnlyList<long> Shape(string name) => Find(name).Shape;

    internal ScalarType ElementType(string name) => Find(name).Type;

    /// <summary>Whether all elements are finite numbers.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="infinitiesCount">Whether infinities are numbers, too.</param>
    internal bool IsFinite(string name, bool infinitiesCount)
    {
        var entry = Find(name);
        return entry.Type switch
        {
            ScalarType.Float32 => IsFinite(MemoryMarshal.Cast<byte, float>(Data(entry)), infinitiesCount),
            ScalarType.Float64 => IsFinite(MemoryMarshal.Cast<byte, double>(Data(entry)), infinitiesCount),
            ScalarType.Float16 => IsFinite(MemoryMarshal.Cast<byte, Half>(Data(entry)), infinitiesCount),
            _ => true,
        };
    }

    private static bool IsFinite<T>(ReadOnlySpan<T> values, bool infinitiesCount) where T : INumberBase<T>
        => infinitiesCount ? !TensorPrimitives.IsNaNAny(values) : values.IsEmpty || TensorPrimitives.IsFiniteAll(values);

    /// <summary>A new tensor on the CPU. It belongs to the open dispose scope, if there is one, else to the caller.</summary>
    internal Tensor ToTensor(string name)
    {
        var entry = Find(name);
        var tensor = empty(entry.Shape, entry.Type, CPU);
        if (entry.Length > 0)
        {
            Data(entry).CopyTo(tensor.bytes);
        }
        GC.KeepAlive(tensor);
        return tensor;
    }

    /// <summary>All tensors, as <see cref="ToTensor"/> makes them.</summary>
    internal Dictionary<string, Tensor> ToTensors() => _names.ToDictionary(name => name, ToTensor);

    /// <summary>The elements in row-major order.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="double"/> or <see cref="long"/>.</typeparam>
    /// <exception cref="FormatException">There is no such tensor, or it has elements of another type.</exception>
    internal T[] ToArray<T>(string name) where T : unmanaged
    {
        var expected = typeof(T) == typeof(float) ? ScalarType.Float32
            : typeof(T) == typeof(double) ? ScalarType.Float64
            : typeof(T) == typeof(long) ? ScalarType.Int64
            : throw new NotSupportedException($"No array of {typeof(T)} is read.");
        var entry = Find(name);
        return entry.Type == expected
            ? Elements<T>(entry)
            : throw new FormatException($"The tensor '{name}' holds {SafetensorsTypes.Name(entry.Type)}, expected {SafetensorsTypes.Name(expected)}.");
    }

    /// <summary>The elements of a tensor of any type of number, in row-major order.</summary>
    /// <exception cref="FormatException">There is no such tensor, or it holds no numbers.</exception>
    internal double[] ToDoubles(string name)
    {
        var entry = Find(name);
        return entry.Type switch
        {
            ScalarType.Float64 => Elements<double>(entry),
            ScalarType.Float32 => Array.ConvertAll(Elements<float>(entry), value => (double)value),
            ScalarType.Float16 => Array.ConvertAll(Elements<Half>(entry), value => (double)value),
            // The upper half of a float
            ScalarType.BFloat16 => Array.ConvertAll(Elements<ushort>(entry), value => (double)BitConverter.UInt32BitsToSingle((uint)value << 16)),
            ScalarType.Int64 => Array.ConvertAll(Elements<long>(entry), value => (double)value),
            ScalarType.Int32 => Array.ConvertAll(Elements<int>(entry), value => (double)value),
            ScalarType.Int16 => Array.ConvertAll(Elements<short>(entry), value => (double)value),
            ScalarType.Int8 => Array.ConvertAll(Elements<sbyte>(entry), value => (double)value),
            ScalarType.Byte => Array.ConvertAll(Elements<byte>(entry), value => (double)value),
            _ => throw new FormatException($"The tensor '{name}' holds {SafetensorsTypes.Name(entry.Type)}, expected numbers."),
        };
    }

    private Entry Find(string name) => _entries.TryGetValue(name, out var entry) ? entry : throw new FormatException($"The weights lack the tensor '{name}'.");

    private ReadOnlySpan<byte> Data(Entry entry) => _data.Span.Slice(entry.Start, entry.Length);

    private T[] Elements<T>(Entry entry) where T : unmanaged
    {
        // Copied as bytes: nothing says that the elements are aligned.
        var data = Data(entry);
        var elements = new T[data.Length / Marshal.SizeOf<T>()];
        data.CopyTo(MemoryMarshal.AsBytes(elements.AsSpan()));
        return elements;
    }

    private void Add(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException($"The header of the weights holds {value.ValueKind} under '{name}', expected an object.");
        }
        if (name == MetadataKey)
        {
            foreach (var text in value.EnumerateObject())
            {
                _metadata.Add(text.Name, text.Value.ValueKind == JsonValueKind.String
                    ? text.Value.GetString()!
                    : throw new FormatException($"The metadata '{text.Name}' of the weights is {text.Value.ValueKind}, expected a text."));
            }
            return;
        }
        if (!value.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String)
        {
            throw new FormatException($"The tensor '{name}' has no 'dtype'.");
        }
        if (!SafetensorsTypes.TryFind(type.GetString()!, out var scalarType, out var elementSize))
        {
            throw new FormatException($"The tensor '{name}' has elements of the unknown type '{type.GetString()}'.");
        }
        var shape = Integers(name, value, "shape", MaximalRank);
        var places = Integers(name, value, "data_offsets", 2);
        if (places.Length != 2 || places[0] > places[1] || places[1] > _data.Length)
        {
            throw new FormatException($"The tensor '{name}' lies at [{string.Join(", ", places)}] of {_data.Length} bytes.");
        }
        // The product of all other dimensions counts even if one is 0: libtorch computes strides from them.
        long length = elementSize;
        foreach (var dimension in shape)
        {
            if (dimension != 0 && length > long.MaxValue / dimension)
            {
                throw new FormatException($"The tensor '{name}' is too large: [{string.Join(", ", shape)}].");
            }
            length *= Math.Max(dimension, 1);
        }
        length = shape.Contains(0) ? 0 : length;
        if (length != places[1] - places[0])
        {
            throw new FormatException($"The tensor '{name}' of the shape [{string.Join(", ", shape)}] takes {length} bytes, not {places[1] - places[0]}.");
        }
        var entry = new Entry(scalarType, shape, (int)places[0], (int)length);
        // libtorch takes for granted that a truth value is 0 or 1.
        if (scalarType == ScalarType.Bool && Data(entry).ContainsAnyExceptInRange((byte)0, (byte)1))
        {
            throw new FormatException($"The tensor '{name}' holds truth values other than 0 and 1.");
        }
        _entries.Add(name, entry);
        _names.Add(name);
    }

    private static long[] Integers(string name, JsonElement value, string key, int maximalCount)
    {
        if (!value.TryGetProperty(key, out var array) || array.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException($"The tensor '{name}' has no '{key}'.");
        }
        var count = array.GetArrayLength();
        if (count > maximalCount)
        {
            throw new FormatException($"The '{key}' of the tensor '{name}' has {count} numbers, at most {maximalCount} are expected.");
        }
        var numbers = new long[count];
        var i = 0;
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out numbers[i]) || numbers[i] < 0)
            {
                throw new FormatException($"The '{key}' of the tensor '{name}' holds {Shorten(element.GetRawText())}, expected whole numbers of at least 0.");
            }
            i++;
        }
        return numbers;
    }

    /// <summary>The tensors fill the data without overlap, gap or rest: bytes that belong to nothing have no business in a file.</summary>
    private void CheckPlaces()
    {
        var end = 0;
        foreach (var (name, entry) in _entries.OrderBy(pair => pair.Value.Start).ThenBy(pair => pair.Value.Length))
        {
            if (entry.Start != end)
            {
                throw new FormatException($"The tensor '{name}' begins at byte {entry.Start}, where byte {end} is the next.");
            }
            end += entry.Length;
        }
        if (end != _data.Length)
        {
            throw new FormatException($"{_data.Length - end} bytes of the weights belong to no tensor.");
        }
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
