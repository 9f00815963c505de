using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>The images that a feature column holds.</summary>
internal sealed record ImageLayout(int Height, int Width, int Channels, bool Interleaved)
{
    internal int Size => checked(Height * Width * Channels);

    /// <summary>As messages call them.</summary>
    public override string ToString() => $"{Height} x {Width} x {Channels}";

    /// <summary>Whether a vector of these dimensions may hold such images: with one dimension any of the size.</summary>
    internal bool Fits(VectorDataViewType type)
        => type.Size == Size && (type.Dimensions.Length != 3 || Channels == 1 || type.Dimensions.AsSpan().SequenceEqual(Interleaved ? [Height, Width, Channels] : [Channels, Height, Width]));
}

/// <summary>How the feature column becomes what the network takes: scaled, images channel by channel.</summary>
/// <param name="name">The name of the column.</param>
/// <param name="size">The number of values in a row.</param>
/// <param name="image">The images; null = the values have no order.</param>
/// <param name="scaler">The scale, of each column or one for all.</param>
internal sealed class EbvInput(string name, int size, ImageLayout? image, ColumnScaler scaler)
{
    internal string Name => name;

    internal int Size => size;

    internal ImageLayout? Image => image;

    internal ColumnScaler Scaler => scaler;

    /// <summary>The feature column.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="image">The images, whose size <see cref="CheckSize"/> checks; null = there are none.</param>
    /// <param name="size">The number of values in a row, where only one will do.</param>
    internal static InputColumn<float> Column(string name, ImageLayout? image, int? size = null)
        => image is null ? new(name, "feature", InputTypes.Number, InputShapes.Fixed, size) : new(name, "feature", InputTypes.Number | InputTypes.Byte, InputShapes.Vector);

    /// <summary>Checks that vectors have the size of the images, and the order of their channels where their dimensions tell it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They do not.</exception>
    internal static void CheckSize(IExceptionContext context, InputColumn column, DataViewSchema schema, ImageLayout? image)
    {
        if (image is null)
        {
            return;
        }
        var found = column.Find(context, schema);
        if (found.Type is not VectorDataViewType type || !image.Fits(type))
        {
            var order = image.Channels == 1 ? "" : image.Interleaved ? ", the channels of each pixel together" : ", channel by channel";
            throw Check.SchemaMismatch(context, column.Role, column.Name, $"images of {image} (height x width x channels), {image.Size} values{order}", found.Type.ToString());
        }
    }

    /// <summary>Writes a row as the network takes it.</summary>
    internal void Write(ReadOnlySpan<float> row, Span<float> result)
    {
        if (image is not { Interleaved: true, Channels: > 1 })
        {
            scaler.Standardize(row, result);
            return;
        }
        var (channels, pixels) = (image.Channels, image.Height * image.Width);
        var perColumn = scaler.Means.Length > 1;
        for (var i = 0; i < row.Length; i++)
        {
            result[i % channels * pixels + i / channels] = (float)scaler.Standardize(row[i], perColumn ? i : 0);
        }
    }
}
