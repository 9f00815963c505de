using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using TorchSharp;

namespace MLNetExtensions;

/// <summary>How model files call a kind of model.</summary>
/// <param name="Code">Eight characters, the signature in the header of the file.</param>
/// <param name="LoaderName">At most 24 characters, unique among all loadable classes; never changed once released.</param>
/// <param name="Written">The version that is written, counted from 1; versions back to 1 are read.</param>
internal sealed record ModelSignature(string Code, string LoaderName, ushort Written = 1)
{
    private const uint First = 0x00010000;

    internal VersionInfo Version(Type type) => new(
        modelSignature: Code,
        verWrittenCur: First + Written,
        verReadableCur: First + Written,
        verWeCanReadBack: First + 1,
        loaderAssemblyName: type.Assembly.FullName,
        loaderSignature: LoaderName);
}

/// <summary>A model that model files hold: what <see cref="SavedTransformerAttribute{TTransformer}"/> asks of it.</summary>
/// <typeparam name="TSelf">The transformer itself.</typeparam>
internal interface ISavedTransformer<TSelf>
    where TSelf : ScoringTransformer, ISavedTransformer<TSelf>
{
    static abstract ModelSignature ModelSignature { get; }

    /// <exception cref="FormatException">The content does not fit together.</exception>
    static abstract TSelf Load(IHost host, ModelReader reader);
}

/// <summary>Lets ML.NET find a transformer when it meets it in a model file.</summary>
/// <typeparam name="TTransformer">The transformer.</typeparam>
/// <param name="userName">Its name for people.</param>
/// <param name="loaderName">The loader's name in <see cref="ModelSignature"/>.</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class SavedTransformerAttribute<TTransformer>(string userName, string loaderName)
    : LoadableClassAttributeBase(null, typeof(TTransformer), typeof(ModelLoader<TTransformer>), null, [typeof(SignatureLoadModel)], userName, loaderName)
    where TTransformer : ScoringTransformer, ISavedTransformer<TTransformer>;

/// <summary>What ML.NET calls to load a transformer.</summary>
internal static class ModelLoader<TTransformer>
    where TTransformer : ScoringTransformer, ISavedTransformer<TTransformer>
{
    internal static TTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        Seam.Check();
        Contracts.CheckValue(env, nameof(env));
        var host = env.Register(typeof(TTransformer).Name);
        host.CheckValue(ctx, nameof(ctx));
        ctx.CheckAtModel(TTransformer.ModelSignature.Version(typeof(TTransformer)));
        try
        {
            return TTransformer.Load(host, new ModelReader(ctx));
        }
        catch (Exception e) when (e is FormatException or JsonException or IOException or InvalidDataException)
        {
            // Without the cause as inner exception: this one shall be the innermost, of all that ML.NET wraps around it.
            throw host.Process(new FormatException($"The model file of {typeof(TTransformer).Name} is damaged or foreign: {e.Message}"));
        }
    }
}

internal static class ModelJson
{
    internal static readonly JsonSerializerOptions Options = new(Json.Plain)
    {
        WriteIndented = true,
        // For people: names are written as they are.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };
}

/// <summary>
/// Collects what a model saves, in side streams of the model file: options.json for people, keys.json, weights.safetensors. The header holds the length and the
/// SHA-256 of each.
/// </summary>
internal sealed class ModelWriter
{
    internal const string OptionsStream = "options.json";
    internal const string KeysStream = "keys.json";
    internal const string WeightsStream = "weights.safetensors";

    private readonly List<(string Name, Action<Stream> Write)> _streams = [];

    internal void Options<T>(T options) => Stream(OptionsStream, stream => JsonSerializer.Serialize(stream, options, ModelJson.Options));

    internal void Keys(IReadOnlyDictionary<string, KeyVocabulary> keys) => Stream(KeysStream, stream => JsonSerializer.Serialize(stream, keys, ModelJson.Options));

    internal void Weights(IEnumerable<KeyValuePair<string, torch.Tensor>> tensors)
    {
        var list = tensors.ToList();
        Stream(WeightsStream, stream => SafetensorsWriter.Write(stream, list));
    }

    /// <summary>Adds a stream; <paramref name="write"/> is called twice and must write the same bytes.</summary>
    internal void Stream(string name, Action<Stream> write) => _streams.Add((name, write));

    internal static void Write(IHost host, ModelSaveContext ctx, ScoringTransformer transformer)
    {
        ctx.CheckAtModel();
        ctx.SetVersionInfo(transformer.Signature.Version(transformer.GetType()));
        host.Check(ctx.InRepository, "A model can be saved to a model file only, not to a bare stream.");
        using var scope = transformer.HoldsTensors ? NewScope() : null;
        var writer = new ModelWriter();
        transformer.Save(writer);
        // *** Binary format ***
        // int: number of side streams
        // for each: string: name, long: length, 32 bytes: SHA-256
        ctx.Writer.Write(writer._streams.Count);
        foreach (var (name, write) in writer._streams)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var counter = new HashingStream(hash);
            write(counter);
            ctx.Writer.Write(name);
            ctx.Writer.Write(counter.Length);
            ctx.Writer.Write(hash.GetHashAndReset());
        }
        foreach (var (name, write) in writer._streams)
        {
            ctx.SaveBinaryStream(name, stream => write(stream.BaseStream));
        }
    }

    // A method of its own: mentioning torch may be enough to load its native library.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static DisposeScope NewScope() => torch.NewDisposeScope();

    private sealed class HashingStream(IncrementalHash hash) : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position { get => _length; set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            _length += buffer.Length;
        }
    }
}

/// <summary>Reads what a model saved. Every stream is compared with its hash before anything of it is parsed.</summary>
internal sealed class ModelReader
{
    private const int MostStreams = 16;
    private const int HashLength = 32;

    private readonly ModelLoadContext _ctx;
    private readonly Dictionary<string, (long Length, byte[] Hash)> _streams = [];

    /// <exception cref="FormatException">The header is damaged.</exception>
    internal ModelReader(ModelLoadContext ctx)
    {
        _ctx = ctx;
        // *** Binary format ***
        // int: number of side streams
        // for each: string: name, long: length, 32 bytes: SHA-256
        var count = ctx.Reader.ReadInt32();
        if (count is < 0 or > MostStreams)
        {
            throw new FormatException($"The header names {count} streams.");
        }
        for (var i = 0; i < count; i++)
        {
            var name = ctx.Reader.ReadString();
            var length = ctx.Reader.ReadInt64();
            var hash = ctx.Reader.ReadBytes(HashLength);
            if (length < 0 || length > Array.MaxLength || hash.Length != HashLength || !_streams.TryAdd(name, (length, hash)))
            {
                throw new FormatException($"The header's entry {i} is damaged.");
            }
        }
    }

    /// <exception cref="FormatException">The stream is missing, damaged or does not hold the options.</exception>
    internal T Options<T>() => Parse<T>(ModelWriter.OptionsStream);

    /// <exception cref="FormatException">The stream is missing, damaged or does not hold keys.</exception>
    internal IReadOnlyDictionary<string, KeyVocabulary> Keys()
    {
        var keys = Parse<Dictionary<string, KeyVocabulary?>>(ModelWriter.KeysStream);
        foreach (var (name, vocabulary) in keys)
        {
            if (vocabulary is null)
            {
                throw new FormatException($"The keys '{name}' are null.");
            }
            vocabulary.CheckContent();
        }
        return keys!;
    }

    /// <summary>Reads the tensors. No model has weights that are no numbers: with them, all it says would be none either.</summary>
    /// <param name="mayBeInfinite">Tells by their names those that may hold infinities: of a user's own network, which may have masks, say.</param>
    /// <param name="isData">Tells those that hold data, whatever it is.</param>
    /// <exception cref="FormatException">The stream is missing, damaged or does not hold tensors.</exception>
    internal IReadOnlyDictionary<string, torch.Tensor> Weights(Func<string, bool>? mayBeInfinite = null, Func<string, bool>? isData = null)
    {
        var reader = SafetensorsReader.Parse(Stream(ModelWriter.WeightsStream));
        foreach (var name in reader.Names)
        {
            if (isData?.Invoke(name) != true && !reader.IsFinite(name, infinitiesCount: mayBeInfinite?.Invoke(name) == true))
            {
                throw new FormatException($"The tensor '{name}' holds values that are not finite.");
            }
        }
        return reader.ToTensors();
    }

    /// <exception cref="FormatException">The stream is missing or damaged.</exception>
    internal byte[] Stream(string name)
    {
        if (!_streams.TryGetValue(name, out var entry))
        {
            throw new FormatException($"The header does not name '{name}'.");
        }
        byte[]? bytes = null;
        if (!_ctx.TryLoadBinaryStream(name, reader => bytes = ReadExactly(reader.BaseStream, entry.Length)))
        {
            throw new FormatException($"'{name}' is missing.");
        }
        if (bytes is null)
        {
            throw new FormatException($"'{name}' does not have the {entry.Length} bytes that the header names.");
        }
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(bytes), entry.Hash))
        {
            throw new FormatException($"'{name}' does not match its SHA-256.");
        }
        return bytes;
    }

    /// <summary>Takes a tensor out of the weights.</summary>
    /// <exception cref="FormatException">It is missing, or of another type or shape.</exception>
    internal static torch.Tensor Take(Dictionary<string, torch.Tensor> weights, string name, torch.ScalarType type, params ReadOnlySpan<long> shape)
    {
        if (!weights.Remove(name, out var tensor))
        {
            throw new FormatException($"The weights lack the tensor '{name}'.");
        }
        if (tensor.dtype != type || !tensor.shape.AsSpan().SequenceEqual(shape))
        {
            throw new FormatException($"The tensor '{name}' is {tensor.dtype} [{string.Join(", ", tensor.shape)}], expected {type} [{string.Join(", ", shape.ToArray())}].");
        }
        return tensor;
    }

    /// <summary>Takes the numbers of a tensor out of the weights.</summary>
    /// <exception cref="FormatException">It is missing, or of another type or shape.</exception>
    internal static T[] TakeArray<T>(Dictionary<string, torch.Tensor> weights, string name, torch.ScalarType type, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = Take(weights, name, type, shape);
        T[] values = tensor.NumberOfElements == 0 ? [] : [.. MemoryMarshal.Cast<byte, T>(tensor.bytes)];
        GC.KeepAlive(tensor);
        return values;
    }

    private T Parse<T>(string name) => JsonSerializer.Deserialize<T>(Stream(name), ModelJson.Options) ?? throw new FormatException($"'{name}' is null.");

    // Grows with what is there, not with what the header claims.
    private static byte[]? ReadExactly(Stream stream, long length)
    {
        const int Chunk = 1 << 20;
        var bytes = new byte[Math.Min(length, Chunk)];
        for (var read = 0; ;)
        {
            var n = stream.Read(bytes, read, bytes.Length - read);
            read += n;
            if (read == length)
            {
                return stream.ReadByte() < 0 ? bytes : null;
            }
            if (n == 0)
            {
                return null;
            }
            if (read == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min(length, 2L * bytes.Length));
            }
        }
    }
}
