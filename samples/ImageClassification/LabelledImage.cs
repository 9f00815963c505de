using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification;

/// <summary>An image and what it shows.</summary>
internal sealed class LabelledImage
{
    /// <summary>The grey values from 0, the background, to 255, row by row.</summary>
    public float[] Pixels { get; set; } = [];

    public string Class { get; set; } = "";

    /// <summary>A view of images of one size, which is known from the type of the column.</summary>
    public static IDataView View(MLContext mlContext, IReadOnlyList<LabelledImage> images)
    {
        var schema = SchemaDefinition.Create(typeof(LabelledImage));
        schema[nameof(Pixels)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, images[0].Pixels.Length);
        return mlContext.Data.LoadFromEnumerable(images, schema);
    }
}

/// <summary>Images for training and for the test, all of one size.</summary>
internal sealed record ImageSet(int Height, int Width, LabelledImage[] Training, LabelledImage[] Test);
